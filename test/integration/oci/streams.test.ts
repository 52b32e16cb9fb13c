import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { QubesValueError } from '../../../src/base/errors.ts';
import { encodeFrame, Frame, FrameReader } from '../../../src/base/frames.ts';
import type { DomainSpec, ExecRequest } from '../../../src/hypervisor/hypervisor.ts';
import { outcomeOf, runCommand } from '../../contract/run-command.ts';
import { shell, Workshop } from './fixture.ts';

/** The streams of commands in a real container, through the agent. */

let workshop: Workshop;
let spec: DomainSpec;
beforeAll(async () => {
  workshop = await Workshop.open();
  spec = await workshop.started();
});
afterAll(() => workshop[Symbol.asyncDispose]());

const run = (request: ExecRequest, input?: Uint8Array | string) =>
  runCommand(workshop.hypervisor, spec.uuid, request, input);
const sh = (script: string, more: Omit<ExecRequest, 'argv'> = {}) =>
  shell(workshop.hypervisor, spec, script, more);

async function open(request: ExecRequest): Promise<Duplex> {
  const stream = await workshop.hypervisor.exec(spec.uuid, request);
  stream.on('error', () => undefined);
  return stream;
}

const hasProcess = async (name: string) => (await run({ argv: ['pgrep', '-f', name] })).stdout !== '';

test('a mebibyte both ways, unchanged', async () => {
  const input = Buffer.alloc(1 << 20);
  for (let i = 0; i < input.length; i++) input[i] = (i * 7) ^ (i >> 8);
  const { stdout, code } = await run({ argv: ['cat'] }, input);
  expect(code).toBe(0);
  expect(Buffer.from(stdout, 'latin1').equals(input)).toBe(true);
});

test('frames cut anywhere are put together again', async () => {
  const stream = await open({ argv: ['cat'] });
  const output = buffer(stream);
  const bytes = Buffer.concat([
    ...Array.from({ length: 50 }, (_, i) => encodeFrame(Frame.stdin, Buffer.from(`piece ${i}\n`))),
    encodeFrame(Frame.stdin),
  ]);
  for (let at = 0; at < bytes.length; at += 3) {
    stream.write(bytes.subarray(at, at + 3));
    if (at % 99 === 0) await new Promise(setImmediate);
  }
  const { stdout, code } = outcomeOf(await output);
  expect(stdout).toBe(Array.from({ length: 50 }, (_, i) => `piece ${i}\n`).join(''));
  expect(code).toBe(0);
});

test('output and errors are apart, exit codes and signals are told', async () => {
  expect(await sh('echo out; echo err >&2; exit 7')).toMatchObject({
    stdout: 'out\n',
    stderr: 'err\n',
    code: 7,
  });
  expect((await sh('kill -TERM $$')).code).toBe(128 + 15);
  expect((await sh('kill -KILL $$')).code).toBe(128 + 9);
});

test('user, directory and environment are as asked, or the user’s own', async () => {
  expect((await sh('id -un; pwd; echo $HOME $USER')).stdout).toBe('user\n/home/user\n/home/user user\n');
  const asked = await sh('id -u; id -G; pwd; echo $A', { user: 'other', cwd: '/etc', env: { A: 'b c' } });
  expect(asked.stdout).toBe('1005\n1006 1010\n/etc\nb c\n');
});

test.each([
  [{ argv: ['true'], user: 'nobody-here' }, /^QubesValueError\0.*nobody-here/],
  [{ argv: ['true'], cwd: '/not/there' }, /^QubesValueError\0.*\/not\/there/],
  [{ argv: ['/etc/passwd'] }, /^QubesValueError\0.*\/etc\/passwd/],
  [{ argv: [''] }, /^QubesValueError\0/],
] satisfies [ExecRequest, RegExp][])(
  'what cannot be run is an error with a type: %j',
  async (request, reason) => {
    const { code, error } = await run(request);
    expect(code).toBeUndefined();
    expect(error).toMatch(reason);
  },
);

test.each([
  [{ argv: ['echo', 'a\0b'] }],
  [{ argv: ['echo'], user: 'a\0b' }],
  [{ argv: ['echo'], env: { 'A=B': 'c' } }],
  [{ argv: ['echo', 'x'.repeat(70_000)] }],
  [{ argv: ['sh'], terminal: { rows: 70_000, columns: 80, type: 'xterm' } }],
] satisfies [ExecRequest][])('what cannot be asked for is refused: %#', async (request) => {
  await expect(run(request)).rejects.toBeInstanceOf(QubesValueError);
});

test('a command that reads nothing does not stop its output, nor the agent', async () => {
  const stream = await open({ argv: ['sh', '-c', 'sleep 0.5; echo done'] });
  const output = buffer(stream);
  for (let i = 0; i < 40; i++) stream.write(encodeFrame(Frame.stdin, Buffer.alloc(65_536)));
  expect((await sh('echo others run')).stdout).toBe('others run\n');
  expect(outcomeOf(await output)).toMatchObject({ stdout: 'done\n', code: 0 });
});

test('a reader that stops holds the command back, and nobody else', async () => {
  const stream = await open({ argv: ['sh', '-c', 'yes | head -c 20000000; echo over >&2'] });
  await sleep(300); // nobody reads: yes must be waiting, not in anybody's memory
  expect((await workshop.hypervisor.stats(spec.uuid)).memory).toBeLessThan(64 << 20);
  expect(await hasProcess('^yes')).toBe(true);
  expect((await sh('echo others run')).stdout).toBe('others run\n');
  const { stdout, stderr, code } = outcomeOf(await buffer(stream));
  expect([stdout.length, stderr, code]).toEqual([20_000_000, 'over\n', 0]);
});

test('all output of a command arrives before its exit, however slowly it is read', async () => {
  const stream = await open({ argv: ['sh', '-c', 'head -c 1000000 /dev/zero'] });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer);
    await sleep(10);
  }
  expect(outcomeOf(Buffer.concat(chunks))).toMatchObject({ code: 0 });
  expect(outcomeOf(Buffer.concat(chunks)).stdout).toHaveLength(1_000_000);
});

test('a child in the background does not hold up the exit, and lives on', async () => {
  const begun = performance.now();
  expect(await sh('echo now; sleep 4.321 &')).toMatchObject({ stdout: 'now\n', code: 0 });
  expect(performance.now() - begun).toBeLessThan(2000);
  expect(await hasProcess('sleep 4.321')).toBe(true);
});

test('signals reach the command', async () => {
  const stream = await open({
    argv: ['sh', '-c', 'trap "echo caught; exit 3" INT; echo set; while :; do sleep 0.05; done'],
  });
  const output = buffer(stream);
  await sleep(150);
  stream.write(encodeFrame(Frame.signal, Uint8Array.of(2)));
  expect(outcomeOf(await output)).toMatchObject({ stdout: 'set\ncaught\n', code: 3 });
});

test('half-closing ends the input, closing ends the command', async () => {
  const half = await open({ argv: ['sh', '-c', 'cat; echo end'] });
  half.write(encodeFrame(Frame.stdin, Buffer.from('x')));
  half.end();
  expect(outcomeOf(await buffer(half))).toMatchObject({ stdout: 'xend\n', code: 0 });
  const whole = await open({ argv: ['sleep', '77.7'] });
  await expect.poll(() => hasProcess('sleep 77.7')).toBe(true);
  whole.destroy();
  await expect.poll(() => hasProcess('sleep 77.7')).toBe(false);
});

test('what ignores the hang-up is killed', async () => {
  const stream = await open({ argv: ['sh', '-c', 'trap "" HUP; while :; do sleep 0.1; done # stubborn'] });
  await expect.poll(() => hasProcess('stubborn$')).toBe(true);
  stream.destroy();
  await expect.poll(() => hasProcess('stubborn$'), { timeout: 5000 }).toBe(false);
});

test('a terminal: its size, resizing, its keys, its end', async () => {
  const stream = await open({ argv: ['sh'], terminal: { rows: 11, columns: 47, type: 'vt100' } });
  const reader = new FrameReader();
  let shown = '';
  let code: number | undefined;
  stream.on('data', (chunk: Buffer) => {
    for (const { type, payload } of reader.push(chunk)) {
      if (type === Frame.stdout) shown += payload.toString();
      if (type === Frame.exit) code = payload.readUInt32BE();
    }
  });
  const type = (text: string) => stream.write(encodeFrame(Frame.stdin, Buffer.from(text)));
  type('tty; echo $TERM; stty size\n');
  await expect.poll(() => shown).toMatch(/\/dev\/pts\/\d+\s+vt100\s+11 47/);
  stream.write(encodeFrame(Frame.resize, Uint8Array.of(0, 30, 0, 100)));
  type('stty size\n');
  await expect.poll(() => shown).toMatch(/30 100/);
  type('sleep 1000\n');
  await sleep(100);
  type('\x03'); // control-C reaches the foreground job only
  type('echo back $((40+2))\n');
  await expect.poll(() => shown).toMatch(/back 42/);
  stream.write(encodeFrame(Frame.stdin)); // control-D
  await expect.poll(() => code).toBe(0);
});

test('a terminal that is hung up ends its jobs', async () => {
  const stream = await open({ argv: ['bash', '-i'], terminal: { rows: 24, columns: 80, type: 'xterm' } });
  stream.resume();
  stream.write(encodeFrame(Frame.stdin, Buffer.from('sleep 88.8 &\nsleep 88.8\n')));
  await expect.poll(() => hasProcess('sleep 88.8')).toBe(true);
  stream.destroy();
  await expect.poll(() => hasProcess('sleep 88.8'), { timeout: 5000 }).toBe(false);
});

test('a hundred commands at once, none mixed up, no process left', async () => {
  const outcomes = await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      run({ argv: ['sh', '-c', `cat; echo ${i}; exit ${i}`] }, `in ${i} `),
    ),
  );
  for (const [i, { stdout, code }] of outcomes.entries())
    expect([stdout, code]).toEqual([`in ${i} ${i}\n`, i]);
  const { stdout } = await sh(
    'ps -e -o stat= -o comm= | grep -v -e agent -e ps -e sh -e grep -e sleep || true',
  );
  expect(stdout).toBe('');
});

test.each([
  ['no request', encodeFrame(Frame.stdin, Buffer.from('x'))],
  ['a malformed request', encodeFrame(Frame.request, Buffer.from('nonsense that is no request'))],
  ['an over-long frame', Buffer.from([0x20, 0xff, 0xff, 0xff, 0xff])],
  ['half a frame', encodeFrame(Frame.request, Buffer.alloc(50)).subarray(0, 20)],
])('the agent survives %s', async (_, bytes) => {
  const { connect } = await import('node:net');
  const socket = connect(`${workshop.directory}/run/domains/${spec.uuid}/agent.sock`);
  socket.on('error', () => undefined);
  socket.end(bytes);
  const answer = await buffer(socket).catch(() => Buffer.alloc(0));
  expect(outcomeOf(answer).code).toBeUndefined();
  expect((await sh('echo well')).stdout).toBe('well\n');
});
