import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { encodeFrame, Frame, FrameReader, MAX_FRAME } from '../../src/base/frames.ts';
import type { DispVM } from '../../src/vm/disp-vm.ts';
import type { QubesVM } from '../../src/vm/qubes-vm.ts';
import { gate, onCall } from '../support/memory-parts.ts';
import { WireSystem } from '../support/wire-system.ts';

/** Commands over a real unix socket. */

let wire: WireSystem;
beforeEach(async () => {
  wire = await WireSystem.open();
});
afterEach(() => wire[Symbol.asyncDispose]());

const domain = (name = 'work') => wire.model.system.domain(name) as QubesVM;
const commands = (name = 'work') => wire.model.machine.domains.get(domain(name).uuid)?.commands.size ?? 0;
const disposables = () => [...wire.model.system.domains].filter((vm): vm is DispVM => vm.klass === 'DispVM');
const gone = () => vi.waitFor(async () => expect(await wire.connections()).toBe(0));

function request(wish: object): Buffer {
  return encodeFrame(Frame.request, Buffer.from(JSON.stringify(wish)));
}

function open(...bytes: Buffer[]): Socket {
  const socket = connect({ path: wire.exec, allowHalfOpen: true });
  socket.on('error', () => {});
  socket.write(Buffer.concat(bytes));
  return socket;
}

/** Every frame until the daemon ends the connection. */
async function frames(socket: Socket): Promise<[type: number, text: string][]> {
  const reader = new FrameReader();
  const found: [number, string][] = [];
  socket.on('data', (chunk: Buffer) => {
    for (const { type, payload } of reader.push(chunk))
      found.push([type, type === Frame.exit ? String(payload.readUInt32BE()) : payload.toString()]);
  });
  await new Promise((resolve) => socket.once('end', resolve));
  socket.destroy();
  return found;
}

const command = (...argv: string[]) => request({ domain: 'work', command: argv });
const input = (text: string) => encodeFrame(Frame.stdin, Buffer.from(text));

test('output and exit code come back', async () => {
  expect(await frames(open(command('echo', 'hello', 'there')))).toEqual([
    [Frame.stdout, 'hello there\n'],
    [Frame.exit, '0'],
  ]);
  expect(await frames(open(command('exit', '7')))).toEqual([[Frame.exit, '7']]);
  await gone();
});

test('input goes in, its end too', async () => {
  expect(await frames(open(command('cat'), input('one'), input('two'), input('')))).toEqual([
    [Frame.stdout, 'one'],
    [Frame.stdout, 'two'],
    [Frame.exit, '0'],
  ]);
});

test('frames may be cut anywhere', async () => {
  const bytes = Buffer.concat([command('cat'), input('hello'), input('')]);
  const socket = open(Buffer.alloc(0));
  const answer = frames(socket);
  for (const byte of bytes) {
    socket.write(Buffer.of(byte));
    await sleep(0);
  }
  expect(await answer).toEqual([
    [Frame.stdout, 'hello'],
    [Frame.exit, '0'],
  ]);
});

test('much input goes through whole', async () => {
  const text = 'x'.repeat(MAX_FRAME);
  const many = Array.from({ length: 100 }, () => input(text));
  const answer = await frames(open(command('cat'), ...many, input('')));
  expect(answer.map(([, payload]) => payload).join('').length).toBe(100 * MAX_FRAME + 1);
});

test('a signal ends it', async () => {
  expect(await frames(open(command('sleep', '100'), encodeFrame(Frame.signal, Buffer.of(15))))).toEqual([
    [Frame.exit, '143'],
  ]);
});

test('a command there is not is told of', async () => {
  const [[type, text] = []] = await frames(open(command('nope')));
  expect(type).toBe(Frame.error);
  expect(text).toMatch(/^QubesValueError\0command not found/);
});

describe('a client that vanishes ends its command', () => {
  test('at once, although the command is silent', async () => {
    const socket = open(command('sleep', '100'));
    await vi.waitFor(() => expect(commands()).toBe(1));
    socket.destroy();
    await vi.waitFor(() => expect(commands()).toBe(0));
    await gone();
  });

  test('in the middle of its input', async () => {
    const socket = open(command('cat'), input('hello'));
    await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
    await vi.waitFor(() => expect(commands()).toBe(0));
  });

  test('while its domain starts', async () => {
    const { reached, open: letGo, pass } = gate();
    using _held = onCall(wire.model.hypervisor, 'start', pass);
    const socket = open(command('sleep', '100'));
    await reached;
    socket.destroy();
    await sleep(20);
    letGo();
    await vi.waitFor(() => expect(domain().powerState).toBe('Running'));
    await sleep(20);
    expect(commands()).toBe(0);
    await gone();
  });

  test('and its disposable goes too', async () => {
    const socket = open(request({ domain: '@dispvm:dvm', command: ['sleep', '100'] }));
    await vi.waitFor(() => expect(disposables()[0]?.powerState).toBe('Running'));
    socket.destroy();
    await vi.waitFor(() => expect(disposables()).toEqual([]));
    await gone();
  });

  test('and a disposable that was being made for it', async () => {
    const { reached, open: letGo, pass } = gate();
    using _held = onCall(wire.model.hypervisor, 'start', pass);
    const socket = open(request({ domain: '@dispvm:dvm', command: ['cat'] }));
    await reached;
    socket.destroy();
    await sleep(20);
    letGo();
    await vi.waitFor(() => expect(disposables()).toEqual([]));
    await gone();
  });
});

test('a client that ends its side has gone: the end of the input has a frame of its own', async () => {
  const socket = open(command('sleep', '100'));
  await vi.waitFor(() => expect(commands()).toBe(1));
  socket.end();
  expect(await frames(socket)).toEqual([]);
  expect(commands()).toBe(0);
  await gone();
});

test('a disposable is gone when its command has ended, and says so to nobody', async () => {
  expect(await frames(open(request({ domain: '@dispvm:dvm', command: ['echo', 'hi'] })))).toEqual([
    [Frame.stdout, 'hi\n'],
    [Frame.exit, '0'],
  ]);
  await vi.waitFor(() => expect(disposables()).toEqual([]));
  expect(wire.model.log.trouble).toEqual([]);
});

test('a domain that dies ends the command without an exit code', async () => {
  const socket = open(command('sleep', '100'));
  const answer = frames(socket);
  await vi.waitFor(() => expect(commands()).toBe(1));
  wire.model.machine.crash(domain().uuid);
  expect(await answer).toEqual([]);
  await gone();
});

describe('is refused with a frame', () => {
  test.each([
    [
      'a domain there is not',
      request({ domain: 'nobody', command: ['ls'] }),
      'QubesVMNotFoundError',
      "No such domain: 'nobody'",
    ],
    [
      'a domain that is not to be started',
      request({ domain: 'work', command: ['ls'], autostart: false }),
      'QubesVMNotRunningError',
      'Domain work is not running (it is Halted); start it with: qvm-start work',
    ],
    ['no JSON', encodeFrame(Frame.request, Buffer.from('{')), 'ProtocolError', /^The request is not JSON/],
    ['another frame first', input('x'), 'ProtocolError', 'The first frame must be a request'],
    ['no frame', Buffer.from('GET / HTTP/1.0\r\n\r\n'), 'ProtocolError', /^unknown frame type/],
    [
      'an over-long frame',
      Buffer.from([Frame.request, 0x7f, 0, 0, 0]),
      'ProtocolError',
      /^frame of \d+ bytes; at most/,
    ],
  ] as const)('%s', async (_, bytes, type, message) => {
    const socket = open(bytes);
    const [[kind, text = ''] = [], ...more] = await frames(socket);
    const [name, words] = text.split('\0');
    expect([kind, name, more]).toEqual([Frame.error, type, []]);
    if (typeof message === 'string') expect(words).toBe(message);
    else expect(words).toMatch(message);
    await gone();
  });

  test('although it goes on sending', async () => {
    const socket = open(input('x'));
    const answer = frames(socket);
    for (let count = 0; count < 20; count++) {
      socket.write(input('y'.repeat(1000)));
      await sleep(0);
    }
    expect(await answer).toEqual([[Frame.error, 'ProtocolError\0The first frame must be a request']]);
    socket.end();
    await gone();
  });

  test('a failure of ours is told as no more than that', async () => {
    using _broken = onCall(wire.model.hypervisor, 'exec', () => {
      throw new TypeError('secret of the daemon');
    });
    expect(await frames(open(command('ls')))).toEqual([
      [Frame.error, 'QubesException\0Internal error; the daemon has logged it'],
    ]);
    expect(wire.model.log.trouble.join()).toContain('secret of the daemon');
  });
});

test('a command that breaks the frames is ended', async () => {
  const socket = open(command('cat'), Buffer.from([0xff, 0, 0, 0, 0]));
  expect(await frames(socket)).toEqual([]);
  await vi.waitFor(() => expect(commands()).toBe(0));
  await gone();
});

describe('a console', () => {
  const console = request({ domain: 'work', console: true });

  test('shows what was printed, and takes what is typed', async () => {
    await domain().start();
    const socket = open(console, input('typed'));
    const answer = frames(socket);
    await sleep(20);
    wire.model.machine.end(domain().uuid);
    expect(await answer).toEqual([
      [Frame.stdout, 'ready\n'],
      [Frame.stdout, 'typed'],
      [Frame.exit, '0'],
    ]);
  });

  test('is not started for', async () => {
    expect(await frames(open(console))).toEqual([
      [Frame.error, 'QubesVMNotStartedError\0Domain work is not started; start it with: qvm-start work'],
    ]);
  });

  test('of a paused domain is shown, and the domain stays paused', async () => {
    await domain().start();
    await domain().pause();
    const socket = open(console);
    const first = await new Promise((resolve) => socket.once('data', resolve));
    expect(first).toEqual(encodeFrame(Frame.stdout, Buffer.from('ready\n')));
    expect(domain().powerState).toBe('Paused');
    socket.destroy();
    await gone();
  });

  test('is closed when its client vanishes; the domain goes on', async () => {
    await domain().start();
    const socket = open(console);
    await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
    await vi.waitFor(() => expect(wire.model.machine.domains.get(domain().uuid)?.consoles.size).toBe(0));
    expect(domain().powerState).toBe('Running');
    await gone();
  });
});
