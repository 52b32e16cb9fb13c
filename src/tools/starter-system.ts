import { QubesException } from '../base/errors.ts';
import { AdminClient } from '../client/admin-client.ts';

/**
 * What `npm start` runs after the build: gives a new system its first domains. A system that has domains is left as
 * it is, whoever made them; one whose creation was cut short is completed.
 */

interface StarterDomain {
  readonly name: string;
  readonly class: string;
  readonly label: string;
  readonly what: string;
  readonly template?: string;
  readonly properties?: Readonly<Record<string, string>>;
  /** System properties that point to it, set once it is there. */
  readonly becomes?: readonly string[];
}

/** In the order in which they are made: what is named must be there already. */
const STARTER_SYSTEM: readonly StarterDomain[] = [
  {
    name: 'host',
    class: 'TemplateVM',
    label: 'black',
    what: "this machine's own programs",
    becomes: ['default_template'],
  },
  { name: 'sys-net', class: 'NetVM', label: 'red', what: 'the way out', template: 'host' },
  {
    name: 'sys-firewall',
    class: 'ProxyVM',
    label: 'green',
    what: 'what may pass',
    template: 'host',
    properties: { netvm: 'sys-net' },
    becomes: ['default_netvm'],
  },
  {
    name: 'default-dvm',
    class: 'AppVM',
    label: 'red',
    what: 'what disposables are made from',
    template: 'host',
    properties: { template_for_dispvms: 'True' },
    becomes: ['default_dispvm'],
  },
  { name: 'work', class: 'AppVM', label: 'blue', what: 'for you', template: 'host' },
  { name: 'personal', class: 'AppVM', label: 'yellow', what: 'for you', template: 'host' },
  { name: 'untrusted', class: 'AppVM', label: 'red', what: 'for you', template: 'host' },
];

/** A feature of dom0: `begun` while the starter system is being made, `done` ever after. */
const PROGRESS = 'starter-system';

const client = new AdminClient();

try {
  if (await isWanted()) await makeAll();
} catch (error) {
  if (!(error instanceof QubesException)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function makeAll(): Promise<void> {
  await mustBeAbleToRun();
  console.log('Creating the starter system:');
  const dom0 = client.domain('dom0');
  await dom0.setFeature(PROGRESS, 'begun');
  const present = new Set(await domainNames());
  for (const domain of STARTER_SYSTEM) {
    await make(domain, present.has(domain.name));
    console.log(`  ${domain.name.padEnd(14)}${domain.class.padEnd(12)}${domain.what}`);
  }
  await dom0.setFeature(PROGRESS, 'done');
}

/** Throws QubesException that names what is missing when this machine cannot run a single domain. */
async function mustBeAbleToRun(): Promise<void> {
  const status = JSON.parse(await client.text('bulkhead.Status')) as {
    engines: { missing: readonly string[] }[];
  };
  if (status.engines.some(({ missing }) => missing.length === 0)) return;
  const reasons = status.engines.flatMap(({ missing }) => missing).map((reason) => `\n  - ${reason}`);
  throw new QubesException(`Domains cannot run on this machine yet:${reasons.join('')}`);
}

/** On a system without domains, and on one where an earlier run got stuck in the middle. */
async function isWanted(): Promise<boolean> {
  const features = await client.domain('dom0').features();
  if (features.includes(PROGRESS)) return (await client.domain('dom0').feature(PROGRESS)) === 'begun';
  return (await domainNames()).length === 0;
}

async function domainNames(): Promise<string[]> {
  return (await client.list()).map(({ name }) => name).filter((name) => name !== 'dom0');
}

/** Every step may have been done by an earlier run. */
async function make(domain: StarterDomain, exists: boolean): Promise<void> {
  if (!exists) await client.create(domain);
  if (domain.class === 'TemplateVM') await client.call('bulkhead.template.Build', domain.name, domain.name);
  for (const [property, value] of Object.entries(domain.properties ?? {}))
    await client.domain(domain.name).properties.set(property, value);
  for (const property of domain.becomes ?? []) await client.properties.set(property, domain.name);
}
