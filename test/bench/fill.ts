import type { AdminClient } from '../../src/client/admin-client.ts';

/** The domain that loads are about; every filled system has it. */
export const DOMAIN = 'vm0005';
export const TEMPLATE = 'bench-template';

const LABELS = ['red', 'orange', 'yellow', 'green', 'gray', 'blue', 'purple', 'black'];
const AT_ONCE = 16;

/**
 * Fills a system, over the protocol, until it has `size` domains (dom0 counts): a template with the features a real
 * one reports, a NetVM, a base for disposables, and AppVMs that differ in what is set on them.
 */
export async function fill(client: AdminClient, size: number): Promise<void> {
  const present = (await client.list()).length;
  if (present === 1) await createFoundations(client);
  let next = Math.max(present, 4);
  const createSome = async () => {
    while (next < size) await createAppVM(client, next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, createSome));
}

async function createFoundations(client: AdminClient): Promise<void> {
  const template = await client.create({ class: 'TemplateVM', name: TEMPLATE, label: 'black' });
  for (let n = 0; n < 20; n++) await template.setFeature(`supported-service.svc${n}`, '1');
  for (let n = 0; n < 10; n++) await template.setFeature(`supported-rpc.bench.Rpc${n}`, '1');
  for (const [name, value] of Object.entries({ qrexec: '1', gui: '1', os: 'Linux', 'os-version': '13' }))
    await template.setFeature(name, value);
  await client.properties.set('default_template', TEMPLATE);

  await client.create({ class: 'NetVM', name: 'sys-net', label: 'red', template: TEMPLATE });
  await client.properties.set('default_netvm', 'sys-net');

  const base = await client.create({ class: 'AppVM', name: 'bench-dvm', label: 'gray', template: TEMPLATE });
  await base.properties.set('template_for_dispvms', 'True');
  await client.properties.set('default_dispvm', 'bench-dvm');
}

async function createAppVM(client: AdminClient, number: number): Promise<void> {
  const name = `vm${String(number).padStart(4, '0')}`;
  const label = LABELS[number % LABELS.length] as string;
  const domain = await client.create({ class: 'AppVM', name, label, template: TEMPLATE });
  await domain.addTag(`team-${number % 7}`);
  await domain.setFeature('menu-items', 'org.gnome.Terminal.desktop firefox.desktop');
  await domain.setFeature('service.crond', '1');
  await domain.setFeature('appmenus-dispvm', '');
  if (number % 3 === 0) await domain.properties.set('memory', String(400 + (number % 100)));
  if (number % 4 === 0) await domain.properties.set('netvm', '');
}
