import * as errors from '../base/errors.ts';

/**
 * The exception a daemon sent, as the class of `base/errors` of that name, so that `instanceof` works across the
 * socket. A name not known here becomes a plain QubesException that keeps the name it came with.
 */
export function rebuildException(untrustedClassName: string, message: string): errors.QubesException {
  const exception = new errors.QubesException(message);
  const known = classNamed(untrustedClassName);
  // Not `new known(...)`: several classes make their message from a name, and this one is already made.
  if (known) Object.setPrototypeOf(exception, known.prototype);
  Object.defineProperty(exception, 'name', { value: errors.printable(untrustedClassName, 80) });
  return exception;
}

const EXPORTS: ReadonlyMap<string, unknown> = new Map(Object.entries(errors));

function classNamed(name: string): typeof errors.QubesException | undefined {
  const candidate = EXPORTS.get(name);
  const isException =
    typeof candidate === 'function' &&
    (candidate === errors.QubesException || candidate.prototype instanceof errors.QubesException);
  return isException ? (candidate as typeof errors.QubesException) : undefined;
}
