import type { Qubes } from '../app/qubes.ts';
import type { BaseVM } from '../vm/base-vm.ts';
import type { MethodName } from './contract/methods.ts';

/** One call whose form, source, destination and permission have been checked. Its argument and payload have not. */
export interface Call {
  readonly system: Qubes;
  readonly method: MethodName;
  readonly source: BaseVM;
  readonly destination: BaseVM;
  /** ASCII; empty when there is none. */
  readonly untrustedArgument: string;
  readonly untrustedPayload: Buffer;
  /** Leaves out what the caller may not see. */
  visible<T>(items: Iterable<T>): T[];
}

/** Does what a method says. Throws QubesException; anything else it throws is a defect. */
export type Handler = (call: Call) => string | Uint8Array | Promise<string | Uint8Array>;

/** Pushed by `admin-permission:METHOD` handlers that let a caller see some things only. */
export type Filter = (item: unknown) => boolean;
