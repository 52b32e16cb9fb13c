import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BaseVM } from '../../../src/vm/base-vm.ts';
import { Model } from '../../support/model.ts';

async function withWork(): Promise<{ model: Model; work: BaseVM }> {
  const model = await Model.make();
  return { model, work: await model.add('StandaloneVM', 'work') };
}

const memory = (model: Model) => model.get(model.system.domain('work'), 'memory');
const FULL = 1;

describe('one change', () => {
  test('is seen at once, and durable when it resolves', async () => {
    const { model, work } = await withWork();
    const made = model.set(work, 'memory', '500');
    expect(memory(model)).toBe('500');
    await made;
    expect(memory(await model.restarted())).toBe('500');
  });

  test('gives what its work gives', async () => {
    const { model } = await withWork();
    expect(await model.system.change(() => 'result')).toBe('result');
  });

  test('that fails half-way leaves memory and disk as they were, and announces nothing', async () => {
    const { model, work } = await withWork();
    const before = new Map(model.disk.records);
    const heard = await model.heard(() =>
      expect(
        model.system.change((change) => {
          work.setText(change, work.property('memory'), '500');
          work.tags.add(change, 'a');
          work.features.set(change, 'gui', '1');
          work.setNotes(change, 'notes');
          model.system.labels.create(change, 'pink', '0x000000');
          throw new Error('half-way');
        }),
      ).rejects.toThrow('half-way'),
    );
    expect(model.disk.records).toEqual(before);
    expect([memory(model), work.tags.sorted(), work.features.names(), work.notes]).toEqual([
      '400',
      [],
      [],
      '',
    ]);
    expect([...model.system.labels].map(({ name }) => name)).not.toContain('pink');
    expect(heard.filter((event) => !event.includes('-pre-'))).toEqual([]);
  });

  test('that cannot be stored leaves memory as it was, and announces nothing', async () => {
    const { model, work } = await withWork();
    model.disk.capacity = FULL;
    const heard = await model.heard(() =>
      expect(model.set(work, 'memory', '500')).rejects.toThrow('disk full'),
    );
    expect(memory(model)).toBe('400');
    expect(heard).toEqual(['work property-pre-set:memory']);
    model.disk.capacity = Number.POSITIVE_INFINITY;
    await model.set(work, 'memory', '600');
    expect(memory(await model.restarted())).toBe('600');
  });
});

describe('several in flight', () => {
  test('are announced in the order they were made', async () => {
    const { model, work } = await withWork();
    const seen: unknown[] = [];
    model.system.events.on('property-set:memory', (_vm, _event, { newvalue }) => void seen.push(newvalue));
    await Promise.all(['500', '501', '502'].map((value) => model.set(work, 'memory', value)));
    expect(seen).toEqual([500, 501, 502]);
  });

  test('all fail when the first does, and memory goes back to before it', async () => {
    const { model, work } = await withWork();
    model.disk.capacity = FULL;
    const results = await Promise.allSettled(
      ['500', '501', '502'].map((value) => model.set(work, 'memory', value)),
    );
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(memory(model)).toBe('400');
  });

  test('a change made in the moment between a failure and its news is not lost from memory alone', async () => {
    for (let ticks = 0; ticks < 30; ticks++) {
      const { model, work } = await withWork();
      model.disk.capacity = FULL;
      const first = model.set(work, 'memory', '500').catch(() => {});
      for (let tick = 0; tick < ticks; tick++) await null;
      model.disk.capacity = Number.POSITIVE_INFINITY;
      const second = model.set(work, 'vcpus', '3').catch(() => {});
      await Promise.all([first, second]);
      const later = await model.restarted();
      const inMemory = [memory(model), model.get(work, 'vcpus')];
      expect([ticks, memory(later), later.get(later.system.domain('work'), 'vcpus')]).toEqual([
        ticks,
        ...inMemory,
      ]);
    }
  });
});

test('whatever fails and whenever, memory is what the disk holds, and what was acknowledged is there', async () => {
  const step = fc.record({
    what: fc.constantFrom('memory', 'vcpus', 'tag', 'label'),
    value: fc.integer({ min: 1, max: 50 }),
    ticks: fc.nat({ max: 6 }),
    full: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
      const { model, work } = await withWork();
      const acknowledged: string[] = [];
      const pending = steps.map(async ({ what, value, ticks, full }, at) => {
        for (let tick = 0; tick < ticks * at; tick++) await null;
        model.disk.capacity = full ? FULL : Number.POSITIVE_INFINITY;
        await model.system.change((change) => {
          if (what === 'tag') work.tags.add(change, `t${at}`);
          else if (what === 'label') model.system.labels.create(change, `l${at}`, '0x000000');
          else work.setText(change, work.property(what), String(value));
        });
        if (what === 'tag') acknowledged.push(`t${at}`);
      });
      await Promise.allSettled(pending);
      const later = await model.restarted();
      const state = ({ system }: Model) => {
        const vm = system.domain('work');
        return [
          vm.property('memory').format(vm.value(vm.property('memory')) as never),
          vm.tags.sorted(),
          [...system.labels].map(({ name }) => name).sort(),
        ];
      };
      expect(state(later)).toEqual(state(model));
      expect(later.system.domain('work').tags.sorted()).toEqual(expect.arrayContaining(acknowledged));
    }),
    { numRuns: 200 },
  );
});
