import { printable, QubesValueError } from '../base/errors.ts';
import type { Stored } from '../base/transaction.ts';
import { VIRT_MODES, type VirtMode } from '../hypervisor/hypervisor.ts';
import type { Change } from '../property/holder.ts';
import type { QubesVM } from '../vm/qubes-vm.ts';
import type { OperationKind } from '../vm/system.ts';
import { element, type XmlNode } from '../xml/node.ts';

const KINDS: readonly OperationKind[] = ['run', 'create', 'remove'];

/** One operation that may have left something on the host, as written down before it began. */
export interface Operation {
  readonly kind: OperationKind;
  readonly uuid: string;
  readonly qid: number;
  readonly name: string;
  /** How a domain that is being run is isolated. */
  readonly mode?: VirtMode | undefined;
  /** Where the volumes are that it makes or removes. */
  readonly volumes: readonly { readonly name: string; readonly pool: string; readonly vid: string }[];
}

/**
 * What is under way on the host, one operation a domain, kept in the durable state so that after a crash it can be
 * finished or undone.
 */
export class Journal {
  readonly #open = new Map<string, Operation>();

  /** Writes an operation down as part of a change. */
  begin(change: Change, vm: QubesVM, kind: OperationKind): void {
    this.#put(change, vm.uuid, {
      kind,
      uuid: vm.uuid,
      qid: vm.qid,
      name: vm.name,
      mode: kind === 'run' ? vm.virt_mode : undefined,
      volumes: kind === 'run' ? [] : vm.volumes.keptPlaces,
    });
  }

  /** Strikes the domain's operation out. */
  end(change: Change, uuid: string): void {
    if (this.#open.has(uuid)) this.#put(change, uuid, undefined);
  }

  /** The operation that still has to make or remove the volume at that place. */
  holding(place: { readonly pool: string; readonly vid: string }): Operation | undefined {
    return this.unfinished.find(({ volumes }) =>
      volumes.some(({ pool, vid }) => pool === place.pool && vid === place.vid),
    );
  }

  /** What earlier runs of the daemon left unfinished. */
  get unfinished(): readonly Operation[] {
    return [...this.#open.values()];
  }

  /**
   * Reads a stored operation. Throws QubesException on one that cannot be read; it then counts as a run: to look whether
   * the domain runs harms nobody, while the volumes it seems to name may be another's.
   */
  restore(uuid: string, untrustedNode: XmlNode | undefined, problem: string | undefined): void {
    this.#open.set(uuid, { kind: 'run', uuid, qid: 0, name: uuid, mode: undefined, volumes: [] });
    if (problem !== undefined || !untrustedNode) throw new QubesValueError(problem ?? 'it is missing');
    this.#open.set(uuid, operationFrom(uuid, untrustedNode));
  }

  #put(change: Change, uuid: string, operation: Operation | undefined): void {
    const before = this.#open.get(uuid);
    this.#write(uuid, operation);
    change.touch(this.#record(uuid));
    change.onUndo(() => this.#write(uuid, before));
  }

  #write(uuid: string, operation: Operation | undefined): void {
    if (operation) this.#open.set(uuid, operation);
    else this.#open.delete(uuid);
  }

  #record(uuid: string): Stored<XmlNode> {
    return {
      storeKey: `operation/${uuid}`,
      record: () => {
        const operation = this.#open.get(uuid);
        return operation ? nodeOf(operation) : null;
      },
    };
  }
}

/** Throws QubesValueError. */
function operationFrom(uuid: string, untrustedNode: XmlNode): Operation {
  const kind = KINDS.find((known) => known === untrustedNode.attribute('kind'));
  const qid = Number(untrustedNode.attribute('qid') ?? Number.NaN);
  if (!kind || !Number.isInteger(qid) || qid < 0)
    throw new QubesValueError(
      `an operation of kind '${printable(untrustedNode.attribute('kind') ?? '')}' on ${uuid}`,
    );
  return {
    kind,
    uuid,
    qid,
    name: untrustedNode.attribute('name') ?? '',
    mode: VIRT_MODES.find((mode) => mode === untrustedNode.attribute('virt_mode')),
    volumes: untrustedNode.elements('volume').map((volume) => ({
      name: volume.attribute('name') ?? '',
      pool: volume.attribute('pool') ?? '',
      vid: volume.attribute('vid') ?? '',
    })),
  };
}

function nodeOf({ kind, qid, name, mode, volumes }: Operation): XmlNode {
  return element(
    'operation',
    { kind, qid: String(qid), name, virt_mode: mode },
    ...volumes.map((volume) => element('volume', { name: volume.name, pool: volume.pool, vid: volume.vid })),
  );
}
