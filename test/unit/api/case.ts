import type { MethodName } from '../../../src/api/contract/methods.ts';
import type { Sent } from '../../support/api.ts';
import type { Model } from '../../support/model.ts';

/** One call on the small system of `support/api.ts`, and what must come back. */
export interface Case extends Sent {
  /** What it shows. */
  readonly it: string;
  readonly given?: (model: Model) => unknown;
  /** The whole answer, exactly. */
  readonly answer?: string | RegExp | ((model: Model) => string);
  /** Or the class and text of the refusal. */
  readonly refused?: readonly [type: string, message: string | RegExp];
  /** What must hold afterwards. */
  readonly after?: (model: Model) => unknown;
}

export type Cases = Partial<Readonly<Record<MethodName, readonly Case[]>>>;

export const start = (name: string) => (model: Model) =>
  (model.system.domain(name) as unknown as { start(): Promise<void> }).start();
