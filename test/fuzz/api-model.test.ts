import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DomainModel, FRESH, observe } from '../integration/daemon/model.ts';
import { TestDaemon } from '../integration/daemon/test-daemon.ts';

/**
 * Sequences of calls against a model of what they must do: the same successes, the same refusals by type, the same
 * state, before and after the daemon is killed and started again. No engine: nothing starts.
 */

const NAMES = ['a', 'b', 'c'];
const LABELS = ['red', 'blue', 'mauve'];

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await TestDaemon.open({ env: { BULKHEAD_OCI_RUNTIME: '/nowhere/runc' } });
  await daemon.client.create({ class: 'TemplateVM', name: 'base', label: 'black' });
});
afterAll(() => daemon?.[Symbol.asyncDispose]());

/** What one call does to the model: the type it is refused with, or undefined when it is done. */
interface Call {
  readonly what: string;
  /** How a counterexample shows it. */
  [fc.toStringMethod](): string;
  act(model: Model): string | undefined;
  send(): Promise<unknown>;
}

type Mutable = { -readonly [Key in keyof DomainModel]: DomainModel[Key] } & { providesNetwork: boolean };
type Model = Map<string, Mutable>;

/** A call of which counterexamples show what it is. */
function shown(call: Omit<Call, typeof fc.toStringMethod>): Call {
  return { ...call, [fc.toStringMethod]: () => call.what };
}

const NOT_FOUND = 'QubesVMNotFoundError';

/** A call on a domain that must exist. */
function on(
  name: string,
  what: string,
  act: (vm: Mutable, model: Model) => string | undefined,
  send: () => Promise<unknown>,
): Call {
  return shown({
    what: `${what} of ${name}`,
    act(model) {
      const vm = model.get(name);
      return vm ? act(vm, model) : NOT_FOUND;
    },
    send,
  });
}

function create(name: string, type: string, label: string): Call {
  return shown({
    what: `create ${type} ${name} ${label}`,
    act(model) {
      if (label === 'mauve') return 'QubesLabelNotFoundError';
      if (model.has(name)) return 'QubesVMAlreadyExistsError';
      model.set(name, { ...FRESH, class: type, label, providesNetwork: type === 'NetVM' });
      return undefined;
    },
    send: () =>
      daemon.client.create({ class: type, name, label, template: type === 'StandaloneVM' ? '' : 'base' }),
  });
}

function remove(name: string): Call {
  return on(
    name,
    'removal',
    (_vm, model) => {
      if ([...model].some(([other, { netvm }]) => other !== name && netvm === name))
        return 'QubesVMInUseError';
      model.delete(name);
      return undefined;
    },
    () => daemon.client.domain(name).remove(),
  );
}

function setLabel(name: string, label: string): Call {
  return on(
    name,
    `label ${label}`,
    (vm) => {
      if (label === 'mauve') return 'QubesLabelNotFoundError';
      vm.label = label;
      return undefined;
    },
    () => daemon.client.domain(name).properties.set('label', label),
  );
}

function setMemory(name: string, text: string): Call {
  return on(
    name,
    `memory ${text}`,
    (vm) => {
      if (!/^\d+$/.test(text) || text === '0') return 'QubesPropertyValueError';
      vm.memory = text;
      return undefined;
    },
    () => daemon.client.domain(name).properties.set('memory', text),
  );
}

function setNetvm(name: string, netvm: string): Call {
  return on(
    name,
    `netvm ${netvm}`,
    (vm, model) => {
      if (netvm === '') {
        vm.netvm = '';
        return undefined;
      }
      const above = model.get(netvm);
      if (!above) return NOT_FOUND;
      if (!above.providesNetwork) return 'QubesValueError';
      for (let one: string = netvm; one !== ''; one = model.get(one)?.netvm ?? '')
        if (one === name) return 'QubesValueError';
      if (vm.class === 'NetVM') return 'QubesPropertyValueError';
      vm.netvm = netvm;
      return undefined;
    },
    () => daemon.client.domain(name).properties.set('netvm', netvm),
  );
}

function setProvides(name: string, value: boolean): Call {
  return on(
    name,
    `provides_network ${value}`,
    (vm, model) => {
      if (!value && [...model.values()].some(({ netvm }) => netvm === name)) return 'QubesValueError';
      vm.providesNetwork = value;
      return undefined;
    },
    () => daemon.client.domain(name).properties.set('provides_network', value ? 'True' : 'False'),
  );
}

function setFeature(name: string, key: string, value: string): Call {
  return on(
    name,
    `feature ${key}=${value}`,
    (vm) => {
      vm.features = { ...vm.features, [key]: value };
      return undefined;
    },
    () => daemon.client.domain(name).setFeature(key, value),
  );
}

function removeFeature(name: string, key: string): Call {
  return on(
    name,
    `no feature ${key}`,
    (vm) => {
      if (!(key in vm.features)) return 'QubesFeatureNotFoundError';
      const { [key]: _, ...others } = vm.features;
      vm.features = others;
      return undefined;
    },
    () => daemon.client.domain(name).removeFeature(key),
  );
}

function setTag(name: string, tag: string, present: boolean): Call {
  return on(
    name,
    `${present ? '' : 'no '}tag ${tag}`,
    (vm) => {
      if (tag === 'no tag') return 'QubesInvalidTagError';
      if (!present && !vm.tags.includes(tag)) return 'QubesTagNotFoundError';
      vm.tags = present ? [...new Set([...vm.tags, tag])].sort() : vm.tags.filter((other) => other !== tag);
      return undefined;
    },
    () => (present ? daemon.client.domain(name).addTag(tag) : daemon.client.domain(name).removeTag(tag)),
  );
}

function setNotes(name: string, notes: string): Call {
  return on(
    name,
    'notes',
    (vm) => {
      vm.notes = notes;
      return undefined;
    },
    () => daemon.client.domain(name).setNotes(notes),
  );
}

const name = fc.constantFrom(...NAMES);
const label = fc.constantFrom(...LABELS);
const key = fc.constantFrom('gui', 'x.y-z', 'net.fake-ip');
const calls = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(name, fc.constantFrom('AppVM', 'NetVM', 'StandaloneVM'), label)
      .map((args) => create(...args)),
  },
  { weight: 2, arbitrary: name.map(remove) },
  fc.tuple(name, label).map((args) => setLabel(...args)),
  fc.tuple(name, fc.constantFrom('0', '1', '400', '-1', 'lots', '')).map((args) => setMemory(...args)),
  { weight: 3, arbitrary: fc.tuple(name, fc.constantFrom('', ...NAMES)).map((args) => setNetvm(...args)) },
  { weight: 2, arbitrary: fc.tuple(name, fc.boolean()).map((args) => setProvides(...args)) },
  fc.tuple(name, key, fc.stringMatching(/^[ -~]{0,12}$/)).map((args) => setFeature(...args)),
  fc.tuple(name, key).map((args) => removeFeature(...args)),
  fc.tuple(name, fc.constantFrom('one', 'two'), fc.boolean()).map((args) => setTag(...args)),
  fc.tuple(name, fc.stringMatching(/^[\n -~é☃]{0,20}$/)).map((args) => setNotes(...args)),
);

async function emptySystem(): Promise<void> {
  for (const { name: own } of await daemon.client.list())
    if (NAMES.includes(own))
      await daemon.client
        .domain(own)
        .properties.set('netvm', '')
        .catch(() => {});
  for (const { name: own } of await daemon.client.list())
    if (NAMES.includes(own)) await daemon.client.domain(own).remove();
}

async function expectState(model: Model, sequence: readonly Call[]): Promise<void> {
  const observed = await observe(daemon.client);
  observed.delete('base');
  const found = Object.fromEntries([...observed].map(([own, domain]) => [own, domain.model]));
  const wanted = Object.fromEntries(
    [...model].map(([own, { providesNetwork: _, ...domain }]) => [own, domain]),
  );
  expect(found, sequence.map(({ what }) => what).join('; ')).toEqual(wanted);
  expect(await daemon.problems()).toEqual([]);
}

test('sequences of calls do what the model says, and a crash changes nothing', async () => {
  let refused = 0;
  let done = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(calls, { minLength: 20, maxLength: 80 }), async (sequence) => {
      await emptySystem();
      const model: Model = new Map();
      for (const call of sequence) {
        const refusal = call.act(model);
        const outcome = await call.send().then(
          () => undefined,
          (error: Error) => error.name,
        );
        expect(outcome, call.what).toBe(refusal);
        if (outcome === undefined) done += 1;
        else refused += 1;
      }
      await expectState(model, sequence);
      await daemon.restart();
      await expectState(model, sequence);
    }),
    { numRuns: 40, interruptAfterTimeLimit: 60_000 },
  );
  expect(done).toBeGreaterThan(200);
  expect(refused).toBeGreaterThan(50);
}, 120_000);
