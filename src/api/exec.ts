import type { Duplex } from 'node:stream';
import { createDisposable } from '../app/create.ts';
import type { Qubes } from '../app/qubes.ts';
import { ONE_COMMAND_TAG } from '../app/recovery.ts';
import { messageOf, ProtocolError, printable, QubesException } from '../base/errors.ts';
import type { ExecRequest } from '../hypervisor/hypervisor.ts';
import type { DispVM } from '../vm/disp-vm.ts';
import type { QubesVM } from '../vm/qubes-vm.ts';
import { startable } from './methods/domains.ts';

/** A command a client of `exec.sock` asks for. */
export interface CommandWish {
  readonly kind: 'command';
  readonly target: string;
  readonly request: ExecRequest;
  readonly autostart: boolean;
}

/** What a client of `exec.sock` asks for. */
export type Wish = CommandWish | { readonly kind: 'console'; readonly target: string };

const MAX_ARGUMENTS = 1024;
const DISPOSABLE = '@dispvm';

/** Reads the JSON of a request frame. Throws ProtocolError naming what is wrong. */
export function parseWish(untrustedText: string): Wish {
  const untrusted = parsedObject(untrustedText);
  const target = stringIn(untrusted, 'domain');
  if (untrusted['console'] === true) return { kind: 'console', target };
  const { user, cwd } = untrusted;
  return {
    kind: 'command',
    target,
    autostart: untrusted['autostart'] !== false,
    request: {
      argv: argvIn(untrusted),
      ...(user === undefined ? {} : { user: accountName(user) }),
      ...(cwd === undefined ? {} : { cwd: stringIn(untrusted, 'cwd') }),
      ...(untrusted['terminal'] === undefined ? {} : { terminal: terminalIn(untrusted['terminal']) }),
    },
  };
}

/** A domain ready for a command, and what to do when the command has ended. */
export interface Target {
  readonly vm: QubesVM;
  release(): Promise<void>;
}

/**
 * The domain a command is for: a named one, started or unpaused if need be, or `@dispvm[:BASE]`, a disposable made for this
 * command and removed after it.
 */
export async function resolveTarget(system: Qubes, target: string, autostart: boolean): Promise<Target> {
  if (target === DISPOSABLE || target.startsWith(`${DISPOSABLE}:`)) return disposableTarget(system, target);
  const vm = startable(system.domain(target));
  if (autostart && vm.powerState === 'Halted') await vm.start();
  if (autostart && vm.powerState === 'Paused') await vm.unpause();
  vm.mustBeRunning();
  return { vm, release: async () => {} };
}

/** The console of a domain, which must be started but may be paused. */
export async function consoleOf(system: Qubes, target: string): Promise<Duplex> {
  return startable(system.domain(target)).console();
}

async function disposableTarget(system: Qubes, target: string): Promise<Target> {
  const base =
    target === DISPOSABLE ? system.default_dispvm : system.domain(target.slice(DISPOSABLE.length + 1));
  const vm = await createDisposable(system, base, (change, made) => {
    made.tags.add(change, `disp-created-by-${system.adminVM.name}`);
    made.tags.add(change, ONE_COMMAND_TAG);
  });
  try {
    await vm.start();
  } catch (error) {
    await discard(system, vm);
    throw error;
  }
  return { vm, release: () => discard(system, vm) };
}

/** Stopping it removes it; one that never came up is removed. */
async function discard(system: Qubes, vm: DispVM): Promise<void> {
  try {
    if (vm.isStarted) await vm.kill();
    else if (system.domains.find(vm.name) === vm) await vm.remove();
  } catch (error) {
    system.log.error('could not remove a disposable', { domain: vm.name, error: messageOf(error) });
  }
}

function parsedObject(untrustedText: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(untrustedText);
  } catch (error) {
    throw new ProtocolError(`The request is not JSON: ${printable(messageOf(error))}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ProtocolError('The request must be a JSON object');
  return value as Readonly<Record<string, unknown>>;
}

function stringIn(untrusted: Readonly<Record<string, unknown>>, key: string): string {
  const value = untrusted[key];
  if (typeof value !== 'string' || value === '' || value.includes('\0'))
    throw new ProtocolError(`'${key}' must be text`);
  return value;
}

function argvIn(untrusted: Readonly<Record<string, unknown>>): [string, ...string[]] {
  const { command } = untrusted;
  if (!Array.isArray(command) || command.length === 0 || command.length > MAX_ARGUMENTS)
    throw new ProtocolError(`'command' must be a list of 1 to ${MAX_ARGUMENTS} arguments`);
  if (!command.every((argument) => typeof argument === 'string' && !argument.includes('\0')))
    throw new ProtocolError("Each argument of 'command' must be text without NUL");
  return command as [string, ...string[]];
}

function accountName(untrustedUser: unknown): string {
  if (typeof untrustedUser !== 'string' || !/^[a-zA-Z0-9_][a-zA-Z0-9_+,.-]{0,31}$/.test(untrustedUser))
    throw new QubesException(
      `Invalid user '${printable(String(untrustedUser))}': letters, digits and '_-+,.' only`,
    );
  return untrustedUser;
}

function terminalIn(untrustedTerminal: unknown): NonNullable<ExecRequest['terminal']> {
  const { rows, columns, type = 'dumb' } = (untrustedTerminal ?? {}) as Record<string, unknown>;
  const fits = (size: unknown): size is number =>
    Number.isInteger(size) && (size as number) > 0 && (size as number) < 10_000;
  if (!fits(rows) || !fits(columns))
    throw new ProtocolError("'terminal' must have 'rows' and 'columns' from 1 to 9999");
  if (typeof type !== 'string' || !/^[a-zA-Z0-9._+-]{1,64}$/.test(type))
    throw new ProtocolError("'type' of 'terminal' must be the name of a terminal");
  return { rows, columns, type };
}
