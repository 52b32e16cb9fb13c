import { PassThrough, Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { Frame } from '../../../src/base/frames.ts';
import { Execution } from '../../../src/client/exec.ts';
import { fakeDaemon } from './fake-daemon.ts';

const REQUEST = { domain: 'work', command: ['cat'] };

describe('Execution', () => {
  it('carries input, output, errors and the exit code', async () => {
    await using daemon = await fakeDaemon({}, async (execution) => {
      const input = await execution.input();
      execution.send(Frame.stdout, input);
      execution.send(Frame.stderr, 'oops');
      execution.exit(7);
    });
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const big = Buffer.alloc(150_000, 'x');
    big.write('end', big.length - 3);
    const stdin = Readable.from([big.subarray(0, 50_000), big.subarray(50_000, 60_000)], {
      objectMode: false,
    });
    const running = await Execution.begin(REQUEST, { stdin, stdout, stderr }, daemon.execSocket);
    expect(await running.exitCode).toBe(7);
    stdout.end();
    stderr.end();
    expect((await buffer(stdout)).equals(big.subarray(0, 60_000))).toBe(true);
    expect(String(await buffer(stderr))).toBe('oops');
    expect(daemon.executions[0]?.request).toEqual(REQUEST);
  });

  it('cuts long input into frames no longer than the protocol allows', async () => {
    await using daemon = await fakeDaemon({}, async (execution) => {
      await execution.input();
      execution.exit(0);
    });
    const stdin = Readable.from([Buffer.alloc(150_000)], { objectMode: false });
    await (await Execution.begin(REQUEST, { stdin }, daemon.execSocket)).exitCode;
    expect(daemon.executions[0]?.frames.map(({ payload }) => payload.length)).toEqual([
      65_536, 65_536, 18_928, 0,
    ]);
  });

  it('ends the input at once when there is none', async () => {
    await using daemon = await fakeDaemon({}, async (execution) => {
      execution.exit((await execution.input()).length);
    });
    expect(await (await Execution.begin(REQUEST, {}, daemon.execSocket)).exitCode).toBe(0);
  });

  it('rejects with the error the daemon sends, rebuilt', async () => {
    await using daemon = await fakeDaemon({}, (execution) =>
      execution.fail('QubesVMNotFoundError', "No such domain: 'x'"),
    );
    const running = await Execution.begin({ domain: 'x', command: ['id'] }, {}, daemon.execSocket);
    await expect(running.exitCode).rejects.toMatchObject({
      name: 'QubesVMNotFoundError',
      message: "No such domain: 'x'",
    });
  });

  it('does not take a lost connection for an end', async () => {
    await using daemon = await fakeDaemon({}, (execution) => {
      execution.send(Frame.stdout, 'half');
      execution.socket.end();
    });
    const running = await Execution.begin(REQUEST, { stdout: new PassThrough() }, daemon.execSocket);
    await expect(running.exitCode).rejects.toThrow('before the command ended');
  });

  it('sends signals and sizes', async () => {
    await using daemon = await fakeDaemon({}, async (execution) => {
      while (execution.frames.length < 3) await new Promise((resolve) => setTimeout(resolve, 2));
      execution.exit(0);
    });
    const running = await Execution.begin(REQUEST, {}, daemon.execSocket);
    running.resize(40, 120);
    running.signal(15);
    await running.exitCode;
    const frames = daemon.executions[0]?.frames.map(({ type, payload }) => [type, [...payload]]);
    expect(frames).toEqual([
      [Frame.stdin, []],
      [Frame.resize, [0, 40, 0, 120]],
      [Frame.signal, [15]],
    ]);
  });

  it('is left with the code given, or none', async () => {
    await using daemon = await fakeDaemon({}, () => {});
    const leave = async (code?: number) => {
      const running = await Execution.begin(REQUEST, {}, daemon.execSocket);
      running.close(code);
      return running.exitCode;
    };
    expect(await leave(143)).toBe(143);
    await expect(leave()).rejects.toThrow();
  });

  it('stops reading while the output is full, and loses nothing', async () => {
    const chunk = Buffer.alloc(60_000, 'y');
    let written = 0;
    await using daemon = await fakeDaemon({}, async (execution) => {
      for (; written < 200; written++)
        if (!execution.send(Frame.stdout, chunk))
          await new Promise((resolve) => execution.socket.once('drain', resolve));
      execution.exit(0);
    });
    let received = 0;
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const stdout = new Writable({
      highWaterMark: 1000,
      write: (data, _, done) => {
        received += data.length;
        gate.then(() => done());
      },
    });
    const running = await Execution.begin(REQUEST, { stdout }, daemon.execSocket);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(written).toBeLessThan(60); // 12 MB did not pile up here
    open();
    expect(await running.exitCode).toBe(0);
    expect(received).toBe(200 * chunk.length);
  });

  it('stops reading input while the command does not take it', async () => {
    let produced = 0;
    const stdin = new Readable({
      read() {
        produced += 65_536;
        this.push(produced > 50 * 1024 * 1024 ? null : Buffer.alloc(65_536));
      },
    });
    await using daemon = await fakeDaemon({}, (execution) => {
      execution.socket.pause();
      setTimeout(() => execution.socket.resume(), 300);
      execution.input().then((input) => execution.exit(input.length === 50 * 1024 * 1024 ? 0 : 1));
    });
    const running = await Execution.begin(REQUEST, { stdin }, daemon.execSocket);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(produced).toBeLessThan(8 * 1024 * 1024);
    expect(await running.exitCode).toBe(0);
  });

  it('rejects when an output breaks', async () => {
    await using daemon = await fakeDaemon({}, (execution) => {
      execution.send(Frame.stdout, 'data');
    });
    const broken = new Writable({
      write: (_data, _encoding, done) => done(Object.assign(new Error('EPIPE'), { code: 'EPIPE' })),
    });
    const running = await Execution.begin(REQUEST, { stdout: broken }, daemon.execSocket);
    await expect(running.exitCode).rejects.toMatchObject({ code: 'EPIPE' });
  });
});
