import type { AdminClient } from '../../../src/client/admin-client.ts';

/** A domain as far as the clients of a test know it: plain, comparable, and the whole truth of what was acknowledged. */
export interface DomainModel {
  readonly class: string;
  readonly label: string;
  readonly memory: string;
  /** Empty: none. */
  readonly netvm: string;
  readonly features: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  readonly notes: string;
  readonly state: 'Halted' | 'Running' | 'Paused';
}

/** Undefined: there is no such domain. */
export type Known = DomainModel | undefined;

export const FRESH: Omit<DomainModel, 'class' | 'label'> = {
  memory: 'default',
  netvm: '',
  features: {},
  tags: ['created-by-dom0'],
  notes: '',
  state: 'Halted',
};

/** What the daemon says there is, in the same form, by name; with each domain's uuid and number. */
export async function observe(
  client: AdminClient,
): Promise<Map<string, { model: DomainModel; uuid: string; qid: string; broken: string | undefined }>> {
  const described = await client.describe({});
  const entries = described
    .filter(({ name }) => name !== 'dom0')
    .map(async (domain) => {
      const { memory, label, netvm, qid } = domain.properties;
      const model = {
        class: domain.class,
        label: label?.value ?? '',
        memory: memory?.default ? 'default' : (memory?.value ?? ''),
        netvm: netvm?.value ?? '',
        features: domain.features ?? {},
        tags: domain.tags ?? [],
        notes: await client.domain(domain.name).notes(),
        state: domain.state,
      } as DomainModel;
      return [
        domain.name,
        { model, uuid: domain.uuid, qid: qid?.value ?? '', broken: domain.broken },
      ] as const;
    });
  return new Map(await Promise.all(entries));
}
