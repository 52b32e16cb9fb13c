import type { TestDaemon } from './test-daemon.ts';

/** Makes the template `host` from the machine's own programs, and the disposable template `dvm` on it. */
export async function makeTemplates({ client }: TestDaemon): Promise<void> {
  await client.create({ class: 'TemplateVM', name: 'host', label: 'black' });
  await client.call('bulkhead.template.Build', 'host', 'host');
  await client.properties.set('default_template', 'host');
  await client.create({ class: 'AppVM', name: 'dvm', label: 'red' });
  await client.domain('dvm').properties.set('template_for_dispvms', 'True');
  await client.properties.set('default_dispvm', 'dvm');
}
