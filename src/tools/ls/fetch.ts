import { QubesVMNotFoundError } from '../../base/errors.ts';
import type { AdminClient } from '../../client/admin-client.ts';
import { FEATURES, MEMORY, type Row, TAGS, VOLUMES } from './columns.ts';

const AT_ONCE = 16;

/**
 * Every domain, with the properties and parts named in `needs`: one request, two when volumes or memory are wanted
 * of a domain. Only `keep`s are asked for the latter, which cost the daemon real work.
 */
export async function fetchRows(
  client: AdminClient,
  needs: ReadonlySet<string>,
  keep: (row: Row) => boolean,
): Promise<{ all: Row[]; kept: Row[] }> {
  const all = await fetchAll(client, needs);
  const kept = all.filter(keep);
  if (!needs.has(VOLUMES) && !needs.has(MEMORY)) return { all, kept };
  const queue = kept.entries();
  const worker = async () => {
    for (const [index, row] of queue) kept[index] = { ...row, ...(await fetchParts(client, row, needs)) };
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { all, kept };
}

async function fetchAll(client: AdminClient, needs: ReadonlySet<string>): Promise<Row[]> {
  const properties = [...needs].filter((need) => !need.startsWith('('));
  const [features, tags] = [needs.has(FEATURES), needs.has(TAGS)];
  if (properties.length === 0 && !features && !tags)
    return (await client.list()).map((domain) => ({ ...domain, properties: {} }));
  // An empty list would mean all of them.
  return client.describe({ properties: properties.length > 0 ? properties : ['label'], features, tags });
}

/** What only the engines know. Nothing of this machine itself, nor of a domain that is gone by now. */
async function fetchParts(
  client: AdminClient,
  row: Row,
  needs: ReadonlySet<string>,
): Promise<Pick<Row, 'volumes' | 'memory'>> {
  if (row.class === 'AdminVM') return {};
  try {
    return {
      ...(needs.has(VOLUMES) && { volumes: await fetchVolumes(client, row.name) }),
      ...(needs.has(MEMORY) && row.state !== 'Halted' && { memory: await fetchMemory(client, row.name) }),
    };
  } catch (error) {
    if (error instanceof QubesVMNotFoundError) return {};
    throw error;
  }
}

async function fetchVolumes(client: AdminClient, name: string): Promise<Row['volumes'] & {}> {
  const domain = client.domain(name);
  const volumes = await domain.volumes();
  return Object.fromEntries(
    await Promise.all(volumes.map(async (volume) => [volume, await domain.volume(volume)])),
  );
}

async function fetchMemory(client: AdminClient, name: string): Promise<number> {
  return Number((await client.domain(name).state())['mem'] ?? 0);
}
