import type { AdminClient } from '../client/admin-client.ts';
import { type Context, UsageError } from './context.ts';

type List = (client: AdminClient, domain: string | undefined) => Promise<string[]>;

const KINDS: ReadonlyMap<string, List> = new Map<string, List>([
  ['domains', async (client) => (await client.list()).map(({ name }) => name)],
  ['templates', templates],
  ['labels', (client) => client.labels()],
  ['classes', (client) => client.classes()],
  ['pools', (client) => client.pools()],
  [
    'properties',
    (client, domain) => (domain ? client.domain(domain).properties.list() : client.properties.list()),
  ],
  ['features', async (client, domain) => (domain ? client.domain(domain).features() : allFeatures(client))],
  ['tags', async (client, domain) => (domain ? client.domain(domain).tags() : allTags(client))],
]);

/** Prints names of that kind, sorted; `domain` says whose. */
export async function names(context: Context, kind: string, domain: string | undefined): Promise<void> {
  const list = KINDS.get(kind);
  if (!list) throw new UsageError(`'${kind}' is none of ${[...KINDS.keys()].join(', ')}`);
  const found = (await list(context.client, domain)).sort();
  context.stdout.write(found.map((name) => `${name}\n`).join(''));
}

async function templates(client: AdminClient): Promise<string[]> {
  return (await client.list()).filter((domain) => domain.class === 'TemplateVM').map(({ name }) => name);
}

/** Of any domain. */
async function allFeatures(client: AdminClient): Promise<string[]> {
  const domains = await client.describe({ properties: ['label'], features: true });
  return [...new Set(domains.flatMap(({ features = {} }) => Object.keys(features)))];
}

/** Of any domain. */
async function allTags(client: AdminClient): Promise<string[]> {
  const domains = await client.describe({ properties: ['label'], tags: true });
  return [...new Set(domains.flatMap(({ tags = [] }) => tags))];
}
