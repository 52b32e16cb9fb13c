import { beforeEach, describe, expect, test } from 'vitest';
import { Domains } from '../../../src/app/domains.ts';
import { MAX_QID } from '../../../src/hypervisor/id-range.ts';
import { Model } from '../../support/model.ts';

let domains: Domains;
beforeEach(() => {
  domains = new Domains();
});

describe('numbers', () => {
  test('are the lowest that are free', () => {
    expect([domains.takeQid(), domains.takeQid(), domains.takeQid()]).toEqual([1, 2, 3]);
    domains.releaseQid(2);
    expect([domains.takeQid(), domains.takeQid()]).toEqual([2, 4]);
    domains.holdQid(5);
    expect(domains.takeQid()).toBe(6);
  });

  test('end somewhere', () => {
    for (let qid = 1; qid <= MAX_QID; qid++) domains.takeQid();
    expect(() => domains.takeQid()).toThrow(`There can be no more than ${MAX_QID} domains`);
    domains.releaseQid(777);
    expect(domains.takeQid()).toBe(777);
  });

  test('of disposables are never given twice, and end somewhere', () => {
    const given = Array.from({ length: 5000 }, () => domains.takeDispid());
    expect(new Set(given).size).toBe(5000);
    expect([Math.min(...given) >= 1, Math.max(...given) <= 10_000]).toEqual([true, true]);
    expect(() => domains.takeDispid()).toThrow('There can be no more than 5000 disposables');
    domains.releaseDispid(given[0] as number);
    expect(domains.isDispidFree(domains.takeDispid())).toBe(false);
  });

  test('of disposables skip names that are taken', () => {
    using _names = new DisposableStack();
    for (let id = 1; id <= 10_000; id++) if (id !== 4321) _names.use(domains.reserveName(`disp${id}`));
    expect(domains.takeDispid()).toBe(4321);
  });
});

test('a reserved name is taken until it is given back', () => {
  {
    using _reserved = domains.reserveName('new');
    expect(domains.isNameFree('new')).toBe(false);
    expect(() => domains.reserveName('new')).toThrow('There is already a domain named new');
  }
  expect(domains.isNameFree('new')).toBe(true);
});

test('domains are found by name and UUID, and listed in order of their names', async () => {
  const model = await Model.make();
  for (const name of ['b', 'A', 'a10', 'a2']) await model.add('StandaloneVM', name);
  const { domains: all } = model.system;
  expect(all.sorted.map(({ name }) => name)).toEqual(['A', 'a10', 'a2', 'b', 'dom0']);
  expect(all.find(`uuid:${all.get('b').uuid}`)).toBe(all.get('b'));
  for (const name of ['uuid:', 'uuid:x', `uuid:${all.get('b').uuid.toUpperCase()}`])
    expect(() => all.find(name)).toThrow('Domain UUID is not valid');
  expect(all.find('constructor')).toBeUndefined();
  expect(() => all.add(all.get('b'))).toThrow('already a domain named b');
  all.delete(all.get('b'));
  expect([all.sorted.length, all.size]).toEqual([4, 4]);
});
