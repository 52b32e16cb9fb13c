import { printable, QubesValueError } from '../../base/errors.ts';
import { MAX_QID } from '../../hypervisor/id-range.ts';
import { checkedName } from '../../vm/name.ts';
import { ADMIN_NAME, ADMIN_UUID } from '../../vm/properties/admin.ts';
import { checkedUUID } from '../../vm/properties/identity.ts';
import type { XmlNode } from '../../xml/node.ts';
import type { DomainRecord } from './domain-record.ts';

/** Who the domains of a file are: each name, number and UUID belongs to the first that claims it. */
export class Identities {
  readonly #labelNames = new Map<string, string>();
  readonly #taken = new Set<string>();

  constructor(labels: readonly XmlNode[]) {
    for (const label of labels) {
      const id = label.attribute('id') ?? '';
      for (const spelling of [label.text, id, id.replace('label-', '')])
        this.#labelNames.set(spelling, label.text);
    }
  }

  /** Puts the identity in canonical form. Throws QubesException when there is something wrong with it. */
  claim(found: XmlNode, record: DomainRecord): void {
    if (found.name !== 'domain')
      throw new QubesValueError(`it is a <${printable(found.name)}>, not a <domain>`);
    const { properties } = record;
    if (record.klass === 'AdminVM') {
      for (const [name, value] of [
        ['uuid', ADMIN_UUID],
        ['qid', '0'],
        ['name', ADMIN_NAME],
      ] as const)
        properties.set(name, value);
      properties.set('label', this.#labelNames.get(properties.get('label') ?? '') ?? 'black');
    } else {
      properties.set('name', checkedName(properties.get('name') ?? ''));
      properties.set(
        'qid',
        String(checkedQid(properties.get('qid') ?? found.attribute('id')?.replace('domain-', '') ?? '')),
      );
      if (properties.has('uuid')) properties.set('uuid', checkedUUID(properties.get('uuid') ?? ''));
      properties.set('label', this.#label(properties.get('label') ?? ''));
      if (properties.get('name') === ADMIN_NAME)
        throw new QubesValueError(`its name is '${ADMIN_NAME}', and it is not the AdminVM`);
    }
    this.#take(properties);
  }

  #take(properties: ReadonlyMap<string, string>): void {
    const claims = ['name', 'qid', 'uuid']
      .filter((name) => properties.has(name))
      .map((name) => `${name} '${properties.get(name)}'`);
    const taken = claims.find((claim) => this.#taken.has(claim));
    if (taken !== undefined) throw new QubesValueError(`another domain of the file has its ${taken}`);
    for (const claim of claims) this.#taken.add(claim);
  }

  #label(untrustedLabel: string): string {
    const name = this.#labelNames.get(untrustedLabel);
    if (name === undefined)
      throw new QubesValueError(`its label '${printable(untrustedLabel)}' is not in the file`);
    return name;
  }
}

function checkedQid(untrustedQid: string): number {
  const qid = Number(untrustedQid);
  if (!/^\d{1,6}$/.test(untrustedQid) || qid < 1 || qid > MAX_QID) {
    throw new QubesValueError(`its qid '${printable(untrustedQid)}' is not a number from 1 to ${MAX_QID}`);
  }
  return qid;
}
