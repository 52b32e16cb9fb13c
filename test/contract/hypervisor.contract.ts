import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { QubesException, QubesVMNotRunningError } from '../../src/base/errors.ts';
import type { DomainSpec, Hypervisor } from '../../src/hypervisor/hypervisor.ts';
import { runCommand } from './run-command.ts';

/** An engine under test, with what it needs around it. */
export interface HypervisorSetup extends AsyncDisposable {
  readonly hypervisor: Hypervisor;
  /** A spec this engine can start, with volumes of its own. */
  spec(): Promise<DomainSpec>;
  /** A second engine on the same state, as after a restart of the daemon. */
  another(): Hypervisor;
}

/** What every engine promises; each has a test file that calls this. */
export function describeHypervisor(name: string, open: () => Promise<HypervisorSetup>): void {
  describe(`hypervisor contract: ${name}`, () => {
    let setup: HypervisorSetup;
    let engine: Hypervisor;
    beforeAll(async () => {
      setup = await open();
      engine = setup.hypervisor;
    });
    afterAll(() => setup[Symbol.asyncDispose]());

    async function started(): Promise<DomainSpec> {
      const spec = await setup.spec();
      await engine.start(spec);
      return spec;
    }
    async function gone({ uuid }: DomainSpec): Promise<void> {
      await engine.kill(uuid);
      await engine.cleanUp(uuid);
    }
    function stopped(uuid: string, on = engine): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      const subscription = on.onStopped((who) => {
        if (who === uuid) resolve();
      });
      return promise.finally(() => subscription[Symbol.dispose]());
    }

    test('nothing is missing, and asking again is free', async () => {
      expect(await engine.missing()).toEqual([]);
      expect(await engine.missing()).toBe(await engine.missing());
      expect(engine.modes.length).toBeGreaterThan(0);
    });

    test('start, run, kill, clean up, and all again', async () => {
      const spec = await started();
      for (const round of [1, 2]) {
        if (round === 2) await engine.start(spec);
        expect(await runCommand(engine, spec.uuid, { argv: ['echo', 'hi'] })).toEqual({
          stdout: 'hi\n',
          stderr: '',
          code: 0,
          error: undefined,
        });
        await gone(spec);
      }
    });

    test('a command gets its input and gives back its exit code', async () => {
      const spec = await started();
      const input = Buffer.alloc(300_000, 'frames cut anywhere ');
      const cat = await runCommand(engine, spec.uuid, { argv: ['cat'] }, input);
      expect(cat.stdout).toBe(input.toString());
      expect(cat.code).toBe(0);
      expect((await runCommand(engine, spec.uuid, { argv: ['false'] })).code).toBe(1);
      await gone(spec);
    });

    test('a command that does not exist is an error with a type, not an exit', async () => {
      const spec = await started();
      const outcome = await runCommand(engine, spec.uuid, { argv: ['no-such-command'] });
      expect(outcome.code).toBeUndefined();
      expect(outcome.error).toMatch(/^QubesValueError\0.*no-such-command/);
      await gone(spec);
    });

    test('what never ran is not running, and can be killed and cleaned up', async () => {
      const uuid = randomUUID();
      await expect(engine.exec(uuid, { argv: ['true'] })).rejects.toBeInstanceOf(QubesVMNotRunningError);
      await expect(engine.requestShutdown(uuid)).rejects.toBeInstanceOf(QubesVMNotRunningError);
      await expect(engine.pause(uuid)).rejects.toBeInstanceOf(QubesVMNotRunningError);
      await expect(engine.stats(uuid)).rejects.toBeInstanceOf(QubesVMNotRunningError);
      await expect(engine.console(uuid)).rejects.toBeInstanceOf(QubesVMNotRunningError);
      await engine.kill(uuid);
      await engine.cleanUp(uuid);
      await engine.cleanUp(uuid);
      expect(await engine.adopt(uuid)).toBe('halted');
    });

    test('a mode it does not offer is refused, never replaced', async () => {
      const offered: readonly string[] = engine.modes;
      const virtMode = (['container', 'pvh', 'hvm', 'pv'] as const).find((mode) => !offered.includes(mode));
      if (!virtMode) return expect(engine.modes).toHaveLength(4);
      const spec = { ...(await setup.spec()), virtMode };
      await expect(engine.start(spec)).rejects.toBeInstanceOf(QubesException);
      expect(await engine.adopt(spec.uuid)).toBe('halted');
    });

    test('starting what runs is refused and does it no harm', async () => {
      const spec = await started();
      await expect(engine.start(spec)).rejects.toBeInstanceOf(QubesException);
      expect((await runCommand(engine, spec.uuid, { argv: ['true'] })).code).toBe(0);
      await gone(spec);
    });

    test('a kill while it starts leaves it halted, whenever it comes', async () => {
      for (const delay of [0, 2, 10, 40]) {
        const spec = await setup.spec();
        const start = engine.start(spec).then(
          () => 'started',
          (error: unknown) => error,
        );
        await sleep(delay);
        await engine.kill(spec.uuid);
        const outcome = await start;
        if (outcome !== 'started') expect(outcome).toBeInstanceOf(QubesException);
        expect(await engine.adopt(spec.uuid)).toBe('halted');
        await engine.cleanUp(spec.uuid);
        await engine.start(spec);
        await gone(spec);
      }
    });

    test('a shutdown that was asked for is told; a kill is not', async () => {
      const [asked, killed] = [await started(), await started()];
      const told: string[] = [];
      using _ = engine.onStopped((uuid) => told.push(uuid));
      await engine.kill(killed.uuid);
      const done = stopped(asked.uuid);
      await engine.requestShutdown(asked.uuid);
      await done;
      await sleep(20);
      expect(told).toEqual([asked.uuid]);
      await expect(engine.exec(asked.uuid, { argv: ['true'] })).rejects.toBeInstanceOf(
        QubesVMNotRunningError,
      );
      await engine.cleanUp(asked.uuid);
      await engine.cleanUp(killed.uuid);
    });

    test('a shutdown ends the commands that run', async () => {
      const spec = await started();
      const stream = await engine.exec(spec.uuid, { argv: ['sleep', '1000'] });
      stream.on('error', () => undefined);
      const ended = buffer(stream).catch(() => Buffer.alloc(0));
      const done = stopped(spec.uuid);
      await engine.requestShutdown(spec.uuid);
      await Promise.all([ended, done]);
      await engine.cleanUp(spec.uuid);
    });

    test('a paused domain runs nothing and goes on where it was', async () => {
      const spec = await started();
      await engine.pause(spec.uuid);
      expect(await engine.adopt(spec.uuid)).toBe('paused');
      await expect(engine.exec(spec.uuid, { argv: ['true'] })).rejects.toBeInstanceOf(QubesVMNotRunningError);
      await expect(engine.requestShutdown(spec.uuid)).rejects.toBeInstanceOf(QubesVMNotRunningError);
      await engine.unpause(spec.uuid);
      expect(await engine.adopt(spec.uuid)).toBe('running');
      expect((await runCommand(engine, spec.uuid, { argv: ['true'] })).code).toBe(0);
      await expect(engine.unpause(spec.uuid)).rejects.toBeInstanceOf(QubesException);
      await engine.pause(spec.uuid);
      await gone(spec); // also while it is paused
    });

    test('many commands at once each get their own output', async () => {
      const spec = await started();
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, i) => runCommand(engine, spec.uuid, { argv: ['echo', String(i)] })),
      );
      expect(outcomes.map(({ stdout }) => stdout)).toEqual(Array.from({ length: 20 }, (_, i) => `${i}\n`));
      await gone(spec);
    });

    test('kill ends the streams of running commands', async () => {
      const spec = await started();
      const stream = await engine.exec(spec.uuid, { argv: ['sleep', '1000'] });
      stream.on('error', () => undefined);
      const closed = new Promise((resolve) => stream.once('close', resolve));
      stream.resume();
      await engine.kill(spec.uuid);
      await closed;
      await engine.cleanUp(spec.uuid);
    });

    test('statistics and new limits', async () => {
      const spec = await started();
      const stats = await engine.stats(spec.uuid);
      expect(stats.memory).toBeGreaterThan(0);
      expect(stats.cpuTime).toBeGreaterThanOrEqual(0n);
      await engine.setLimits(spec.uuid, { memory: 128, maxmem: 200, vcpus: 2 });
      await gone(spec);
    });

    test('the console replays, and ends with the domain', async () => {
      const spec = await started();
      const console = await engine.console(spec.uuid);
      const printed = buffer(console);
      const done = stopped(spec.uuid);
      await engine.requestShutdown(spec.uuid);
      await done;
      expect((await printed).toString()).toMatch(/ready/);
      await engine.cleanUp(spec.uuid);
    });

    test('a domain outlives its daemon and is adopted', async () => {
      const spec = await started();
      await using next = setup.another();
      expect(await next.adopt(spec.uuid)).toBe('running');
      expect((await runCommand(next, spec.uuid, { argv: ['echo', 'still'] })).stdout).toBe('still\n');
      const done = stopped(spec.uuid, next);
      await next.requestShutdown(spec.uuid);
      await done;
      await next.cleanUp(spec.uuid);
      await engine.cleanUp(spec.uuid);
      expect(await next.adopt(spec.uuid)).toBe('halted');
    });

    test('ten at once', async () => {
      const specs = await Promise.all(Array.from({ length: 10 }, () => setup.spec()));
      await Promise.all(specs.map((spec) => engine.start(spec)));
      const outcomes = await Promise.all(
        specs.map(({ uuid }) => runCommand(engine, uuid, { argv: ['echo', uuid] })),
      );
      expect(outcomes.map(({ stdout }) => stdout.trim())).toEqual(specs.map(({ uuid }) => uuid));
      await Promise.all(specs.map(gone));
    });

    test.each(['../../etc', '', 'A'.repeat(36), '00000000-0000-0000-0000-00000000000g'])(
      'no uuid: %s',
      async (uuid) => {
        await expect(engine.kill(uuid)).rejects.toBeInstanceOf(QubesException);
        await expect(engine.cleanUp(uuid)).rejects.toBeInstanceOf(QubesException);
        await expect(engine.exec(uuid, { argv: ['true'] })).rejects.toBeInstanceOf(QubesException);
      },
    );
  });
}
