import type { Qubes } from '../app/qubes.ts';
import { PermissionDenied, ProtocolError, printable, QubesException, QubesVMError } from '../base/errors.ts';
import type { BaseVM } from '../vm/base-vm.ts';
import type { Call, Filter, Handler } from './call.ts';
import { findMethod, type Method, type MethodName } from './contract/methods.ts';
import { encodeAnswer, encodeException } from './contract/reply.ts';
import { parseRequest, type UntrustedRequest } from './contract/request.ts';

/**
 * From the bytes of a request to the bytes of its answer: sanitise, ask for permission, act. Every failure is a
 * typed exception in the answer.
 */
export class Dispatcher {
  readonly #system: Qubes;
  readonly #handlers: Readonly<Record<string, Handler>>;

  constructor(system: Qubes, handlers: Readonly<Record<string, Handler>>) {
    this.#system = system;
    this.#handlers = handlers;
  }

  /** The complete answer, at once where nothing has to be waited for. Never throws or rejects. */
  answer(untrustedBytes: Buffer): Buffer | Promise<Buffer> {
    try {
      const call = this.check(parseRequest(untrustedBytes));
      const handler = this.#handlers[call.method];
      if (!handler) throw new ProtocolError(`no such method: '${call.method}'`);
      const result = handler(call);
      if (!(result instanceof Promise)) return encodeAnswer(result);
      return result.then(encodeAnswer).catch((error: unknown) => this.refusal(error));
    } catch (error) {
      return this.refusal(error);
    }
  }

  /** The answer to a request that failed. */
  refusal(error: unknown): Buffer {
    if (!(error instanceof QubesException))
      this.#system.log.error('a request failed for a reason of ours', { error });
    return encodeException(error);
  }

  /**
   * The call a request makes. The order of checks is Qubes': source, destination, argument's alphabet, method, what
   * the method wants. Who is not the AdminVM is refused before anything else is looked at, so that it learns nothing.
   */
  check(untrusted: UntrustedRequest): Call {
    const source = this.#source(untrusted.source);
    const destination = this.#system.domain(untrusted.destination);
    if (!/^[\x21-\x7e]*$/.test(untrusted.argument))
      throw new ProtocolError(
        `The argument must be printable ASCII without blanks, not '${printable(untrusted.argument)}'`,
      );
    const method = findMethod(untrusted.method);
    if (!method) throw new ProtocolError(`no such method: '${printable(untrusted.method)}'`);
    mustFit(method, untrusted, destination === this.#system.adminVM);
    const name = untrusted.method as MethodName;
    mustNotBeBroken(destination, method, name);
    const filters = this.#permit(name, source, destination, untrusted.argument);
    return {
      system: this.#system,
      method: name,
      source,
      destination,
      untrustedArgument: untrusted.argument,
      untrustedPayload: untrusted.payload,
      visible: (items) =>
        filters.length === 0 ? [...items] : [...items].filter((item) => filters.every((sees) => sees(item))),
    };
  }

  /** This socket is the AdminVM's; calls of other domains come by endpoints of their own. */
  #source(untrustedName: string): BaseVM {
    const { adminVM } = this.#system;
    if (untrustedName !== adminVM.name && untrustedName !== `uuid:${adminVM.uuid}`)
      throw new PermissionDenied('Only the AdminVM may call here');
    return adminVM;
  }

  /** Anybody may forbid a call, or narrow what it sees, by handling `admin-permission:METHOD` of the destination. */
  #permit(method: MethodName, source: BaseVM, destination: BaseVM, argument: string): readonly Filter[] {
    const event = `admin-permission:${method}`;
    if (!this.#system.events.has(event)) return [];
    const filters: Filter[] = [];
    this.#system.events.ask(destination, event, { source, dest: destination, arg: argument, filters });
    return filters;
  }
}

/** Throws ProtocolError with Qubes' words when a request has what its method refuses or lacks what it wants. */
function mustFit(method: Method, untrusted: UntrustedRequest, toAdminVM: boolean): void {
  if (method.payload === 'none' && untrusted.payload.length > 0)
    throw new ProtocolError('unexpected payload');
  if (method.payload === 'required' && untrusted.payload.length === 0)
    throw new ProtocolError('expected payload');
  if (method.argument === 'none' && untrusted.argument !== '') throw new ProtocolError('unexpected argument');
  if (method.argument === 'required' && untrusted.argument === '')
    throw new ProtocolError('expected an argument');
  if (method.destination === 'adminvm' && !toAdminVM)
    throw new ProtocolError('expected destination to be AdminVM');
  if (method.destination === 'domain' && toAdminVM)
    throw new ProtocolError('expected destination to not be AdminVM');
}

/**
 * A record that could not be read is kept as it was found: nothing in it can be changed, and it does not run. What is
 * asked of the AdminVM for the system as a whole does not concern its record.
 */
function mustNotBeBroken(
  destination: BaseVM,
  { effect, destination: wanted }: Method,
  name: MethodName,
): void {
  if (!destination.broken || effect === 'read' || wanted === 'adminvm' || name === 'admin.vm.Remove') return;
  if (name === 'admin.vm.CreateDisposable' && destination === destination.system.adminVM) return;
  throw new QubesVMError(
    `Domain ${destination.name} is broken: ${destination.broken}. It can only be looked at and removed`,
  );
}
