/**
 * Every error a user may see. The class name is what travels on the wire: the Qubes client turns it back into
 * its own exception of the same name, so names here are protocol (Qubes 4.4, `qubesadmin.exc`).
 *
 * A message says what was refused, the value, and where it helps, what to do.
 */

/** Base of all errors meant for the user. Anything else that is thrown is a defect and is reported as such. */
export class QubesException extends Error {
  override readonly name: string;

  constructor(message?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The client asked for something no correct client asks: unknown method, unexpected payload. */
export class ProtocolError extends QubesException {}
/** Refused by policy or by a permission handler. Says nothing of what exists. */
export class PermissionDenied extends QubesException {}

export class QubesVMNotFoundError extends QubesException {
  constructor(name: string) {
    super(`No such domain: '${printable(name)}'`);
  }
}
export class QubesVMInvalidUUIDError extends QubesException {
  constructor(uuid: string) {
    super(`Domain UUID is not valid: '${printable(uuid)}'`);
  }
}
export class QubesVMAlreadyExistsError extends QubesException {
  constructor(names: string, remedy = 'choose another name, or remove it first') {
    super(`There is already a domain named ${printable(names, 1000)}; ${remedy}`);
  }
}

/** Something about one domain's state forbids the request. */
export class QubesVMError extends QubesException {}
export class QubesVMInUseError extends QubesVMError {}
export class QubesVMNotStartedError extends QubesVMError {}
export class QubesVMNotRunningError extends QubesVMNotStartedError {}
export class QubesVMNotPausedError extends QubesVMNotStartedError {}
export class QubesVMNotSuspendedError extends QubesVMError {}
export class QubesVMNotHaltedError extends QubesVMError {}
export class QubesVMCancelledPauseError extends QubesVMError {}
export class QubesVMShutdownTimeoutError extends QubesVMError {}
export class QubesNoTemplateError extends QubesVMError {}
export class QubesMemoryError extends QubesVMError {}

export class QubesPoolInUseError extends QubesException {}
export class QubesPoolNotFoundError extends QubesException {}
export class QubesVolumeNotFoundError extends QubesException {}
export class QubesVolumeRevisionNotFoundError extends QubesException {}
export class QubesVolumeCopyTokenNotFoundError extends ProtocolError {}
export class QubesVolumeCopyInUseError extends QubesException {}
export class StoragePoolException extends QubesException {}

/** A value outside its type or range. */
export class QubesValueError extends QubesException {}
export class QubesPropertyValueError extends QubesValueError {}
export class QubesNoSuchPropertyError extends QubesException {
  constructor(owner: string, property: string) {
    super(`Invalid property '${printable(property)}' of ${owner}`);
  }
}
export class QubesNotImplementedError extends QubesException {}
export class QubesFeatureNotFoundError extends QubesException {
  constructor(domain: string, feature: string) {
    super(`Feature not set for domain ${domain}: ${printable(feature)}`);
  }
}
export class QubesTagNotFoundError extends QubesException {
  constructor(domain: string, tag: string) {
    super(`Tag not set for domain ${domain}: ${printable(tag)}`);
  }
}
export class QubesInvalidTagError extends ProtocolError {}
export class QubesLabelNotFoundError extends QubesException {
  constructor(label: string) {
    super(`Label does not exist: ${printable(label)}`);
  }
}
export class QubesInvalidLabelError extends ProtocolError {}
export class QubesInvalidLabelValueError extends ProtocolError {}
export class QubesLabelInUseError extends QubesException {}

export class DeviceNotAssigned extends QubesException {}
export class DeviceNotFound extends QubesException {}
export class DeviceAlreadyAttached extends QubesException {}
export class DeviceAlreadyAssigned extends QubesException {}
export class QubesUnrecognizedDeviceAssignmentMode extends ProtocolError {}
export class UnrecognizedDevice extends QubesException {}
export class UnexpectedDeviceProperty extends QubesException {}

export class BackupCancelledError extends QubesException {}
export class BackupAlreadyRunningError extends QubesException {}
export class QubesBackupProfileNotFoundError extends QubesException {}

/**
 * Text of untrusted origin made fit for a message or a log line: control characters and anything outside
 * printable ASCII become `\xNN` or `\u{...}`, and it is cut at `limit` characters.
 */
export function printable(untrustedText: string, limit = 200): string {
  const cut = untrustedText.length > limit ? `${untrustedText.slice(0, limit)}...` : untrustedText;
  return cut.replace(/[^\x20-\x7e]/gu, (char) => {
    const code = char.codePointAt(0) ?? 0;
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
