import { printable, QubesVMError, QubesVMInvalidUUIDError } from '../base/errors.ts';
import type { DomainSpec, VirtMode } from './hypervisor.ts';

/** What every engine checks before it acts. */

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const ACCOUNT = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/;

/** The uuid itself: it becomes part of paths, and nothing else may. Throws QubesVMInvalidUUIDError. */
export function checkedUuid(untrustedUuid: string): string {
  if (!UUID.test(untrustedUuid)) throw new QubesVMInvalidUUIDError(untrustedUuid);
  return untrustedUuid;
}

/** Throws when an engine that offers `modes` must not start this domain. It is never started in another mode. */
export function checkStartable(spec: DomainSpec, modes: readonly VirtMode[]): void {
  checkedUuid(spec.uuid);
  if (!modes.includes(spec.virtMode))
    throw new QubesVMError(
      `domain ${spec.name} is to run with virt_mode '${spec.virtMode}', which this engine has not (it has ${modes.join(', ')}); it is not started with another`,
    );
  if (!ACCOUNT.test(spec.defaultUser))
    throw new QubesVMError(`not the name of an account: '${printable(spec.defaultUser)}'; set default_user`);
}
