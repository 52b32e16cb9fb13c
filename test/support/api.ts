import { Dispatcher } from '../../src/api/dispatcher.ts';
import { allHandlers } from '../../src/api/handlers.ts';
import { Model } from './model.ts';

/** The parts of a call; what is left out is what a correct client sends most. */
export interface Sent {
  readonly arg?: string;
  readonly dest?: string;
  readonly source?: string;
  readonly payload?: string | Uint8Array;
}

/** What a daemon refuses a call with. */
export class Refused extends Error {
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

/** A request as a correct client's bytes. */
export function requestBytes(
  method: string,
  { arg = '', dest = 'dom0', source = 'dom0', payload = '' }: Sent = {},
): Buffer {
  return Buffer.concat([
    Buffer.from(`${method}+${arg} ${source} name ${dest}\0`, 'latin1'),
    Buffer.from(payload),
  ]);
}

/** The text of an answer. Throws {@link Refused}, or Error when the bytes are not exactly an answer. */
export function answerText(bytes: Buffer): string {
  if (bytes.subarray(0, 2).equals(Buffer.from('0\0'))) return bytes.toString('utf8', 2);
  const [, type, message] = /^2\0([A-Za-z]+)\0\0([^\0]*)\0$/.exec(bytes.toString('utf8')) ?? [];
  if (type === undefined || message === undefined)
    throw new Error(`not an answer: ${JSON.stringify(bytes.toString('latin1'))}`);
  throw new Refused(type, message.replaceAll('%%', '%'));
}

/** The Admin API of a system in memory, from bytes to bytes. */
export class Api {
  readonly model: Model;
  readonly #dispatcher: Dispatcher;

  constructor(model: Model) {
    this.model = model;
    this.#dispatcher = new Dispatcher(model.system, allHandlers());
  }

  async bytes(request: Buffer): Promise<Buffer> {
    return this.#dispatcher.answer(request);
  }

  async call(method: string, sent?: Sent): Promise<string> {
    return answerText(await this.bytes(requestBytes(method, sent)));
  }
}

/** A small system with an engine: template `base`, `work` on it behind `gateway`, and `dvm` for disposables. */
export async function smallSystem(): Promise<Model> {
  const model = await Model.make({ engine: true });
  await model.create('TemplateVM', 'base');
  await model.create('NetVM', 'gateway', 'base');
  await model.create('AppVM', 'work', 'base', { netvm: 'gateway' });
  await model.create('AppVM', 'dvm', 'base', { template_for_dispvms: 'True' });
  return model;
}
