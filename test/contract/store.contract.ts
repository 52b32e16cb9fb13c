import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Store, StoredRecord } from '../../src/app/store/store.ts';
import { QubesException, QubesValueError } from '../../src/base/errors.ts';
import { element, XmlNode } from '../../src/xml/node.ts';

/** One place where state can lie, and what a test may do to it. */
export interface StoreHarness extends AsyncDisposable {
  /** A store on this state, not loaded. Each call gives another one on the same state. */
  open(): Store;
  /** Changes the stored text of a record behind the store's back, while none is open. */
  damage(key: string): Promise<void>;
}

/** What every driver of `Store` promises. */
export function storeContract(driver: string, makeHarness: () => Promise<StoreHarness>): void {
  describe(`store: ${driver}`, () => {
    let harness: StoreHarness;
    let store: Store;

    beforeEach(async () => {
      harness = await makeHarness();
      store = harness.open();
      expect(await store.load()).toEqual([]);
    });
    afterEach(async () => {
      await store[Symbol.asyncDispose]();
      await harness[Symbol.asyncDispose]();
    });

    async function reopen(): Promise<Map<string, StoredRecord>> {
      await store[Symbol.asyncDispose]();
      store = harness.open();
      return new Map((await store.load()).map((record) => [record.key, record]));
    }

    test('gives back what was committed, and nothing that was removed', async () => {
      const nasty = element(
        'domain',
        { id: 'domain-1', quote: '"<&>\n\t\r' },
        element('note', {}, ']]> \u{1f600} \r\n'),
        'x',
      );
      await store.commit([
        ['system', element('properties')],
        ['label/red', element('label', { id: 'label-1' }, 'red')],
        ['domain/a', nasty],
        ['domain/b', element('domain')],
        ['operation/1', element('operation')],
      ]);
      await store.commit([
        ['domain/b', null],
        ['operation/1', null],
        ['pool/never-there', null],
        ['system', element('properties', {}, element('property', { name: 'x' }, '1'))],
      ]);
      const records = await reopen();
      expect([...records.keys()].sort()).toEqual(['domain/a', 'label/red', 'system']);
      expect(records.get('domain/a')?.node).toEqual(nasty);
      expect(records.get('system')?.node?.element('property')?.text).toBe('1');
    });

    test('takes the text of a node when asked, not when it is written', async () => {
      const first = element('domain', {}, 'before');
      const done = store.commit([['domain/a', first]]);
      first.children[0] = 'after';
      first.attributes.set('late', 'yes');
      await done;
      expect((await reopen()).get('domain/a')?.node).toEqual(element('domain', {}, 'before'));
    });

    test('keeps the order of commits asked for together', async () => {
      await Promise.all(
        Array.from({ length: 200 }, (_, n) =>
          store.commit([[`domain/${n % 3}`, element('domain', { n: String(n) })]]),
        ),
      );
      const records = await reopen();
      expect(['0', '1', '2'].map((key) => records.get(`domain/${key}`)?.node?.attribute('n'))).toEqual([
        '198',
        '199',
        '197',
      ]);
    });

    test('resolves commits in the order they were asked for', async () => {
      const order: number[] = [];
      await Promise.all(
        Array.from({ length: 50 }, (_, n) =>
          store.commit([['system', element('p')]]).then(() => order.push(n)),
        ),
      );
      expect(order).toEqual(Array.from({ length: 50 }, (_, n) => n));
    });

    test('a commit of nothing is done at once', async () => {
      await store.commit([]);
      expect((await reopen()).size).toBe(0);
    });

    test('refuses a node that cannot be written, all of that commit, and names the value', async () => {
      const bad = element('domain', {}, element('note', {}, 'bell \x07'));
      const refused = store.commit([
        ['domain/good', element('domain')],
        ['domain/bad', bad],
      ]);
      await expect(refused).rejects.toThrow(QubesValueError);
      await expect(refused).rejects.toThrow('bell \\x07');
      await store.commit([['domain/later', element('domain')]]);
      expect([...(await reopen()).keys()]).toEqual(['domain/later']);
    });

    test.each(['domain/', 'domain/a b', 'other/x', '', `domain/${'x'.repeat(201)}`])(
      'refuses the key %j',
      async (key) => {
        await expect(store.commit([[key as 'system', element('x')]])).rejects.toThrow(QubesValueError);
      },
    );

    test('when one commit fails, those behind it fail first, those before it do not', async () => {
      const order: string[] = [];
      const ask = (name: string, node: XmlNode) =>
        store.commit([[`domain/${name}`, node]]).then(
          () => order.push(`${name} stored`),
          (error: unknown) => {
            expect(error).toBeInstanceOf(QubesException);
            order.push(`${name} failed`);
          },
        );
      await Promise.all([
        ask('a', element('domain')),
        ask('b', element('domain')),
        ask('c', new XmlNode('not a name')),
        ask('d', element('domain')),
        ask('e', element('domain')),
      ]);
      await ask('f', element('domain'));
      expect(order).toEqual(['a stored', 'b stored', 'e failed', 'd failed', 'c failed', 'f stored']);
      expect([...(await reopen()).keys()].sort()).toEqual(['domain/a', 'domain/b', 'domain/f']);
    });

    test('refuses a second store on the same state, and lets it in after the first is closed', async () => {
      for (const _attempt of [1, 2]) {
        await using second = harness.open();
        const refused = second.load();
        await expect(refused).rejects.toThrow(QubesException);
        await expect(refused).rejects.toThrow(/another .* uses/);
        await expect(second.commit([['system', element('properties')]])).rejects.toThrow(QubesException);
      }
      await store.commit([['system', element('properties')]]);
      expect((await reopen()).size).toBe(1);
    });

    test('closing waits for what was asked, and refuses what comes after', async () => {
      const asked = Array.from({ length: 20 }, (_, n) => store.commit([[`domain/${n}`, element('domain')]]));
      const closed = store[Symbol.asyncDispose]();
      await expect(store.commit([['system', element('properties')]])).rejects.toThrow('the store is closed');
      await Promise.all([...asked, closed]);
      expect((await reopen()).size).toBe(20);
    });

    test('reports a damaged record, keeps it until it is replaced, and loads the others', async () => {
      await store.commit([
        ['domain/a', element('domain', { name: 'a' })],
        ['domain/b', element('domain', { name: 'b' })],
      ]);
      await store[Symbol.asyncDispose]();
      await harness.damage('domain/a');
      for (const _time of [1, 2]) {
        const records = await reopen();
        expect(records.get('domain/a')).toEqual({ key: 'domain/a', problem: expect.stringMatching(/.{10}/) });
        expect(records.get('domain/b')?.node?.attribute('name')).toBe('b');
      }
      await store.commit([['domain/a', element('domain', { name: 'again' })]]);
      expect((await reopen()).get('domain/a')?.node?.attribute('name')).toBe('again');
    });

    test('refuses to commit before it is loaded', async () => {
      await expect(harness.open().commit([['system', element('x')]])).rejects.toThrow('not loaded');
    });
  });
}
