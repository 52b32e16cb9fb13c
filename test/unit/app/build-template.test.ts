import { beforeEach, expect, test } from 'vitest';
import { checkSystem } from '../../../src/app/check.ts';
import { StoragePoolException } from '../../../src/base/errors.ts';
import type { Pool } from '../../../src/storage/pool.ts';
import type { BuildOptions, TreeSource } from '../../../src/storage/tree-source.ts';
import type { QubesVM } from '../../../src/vm/qubes-vm.ts';
import { Api } from '../../support/api.ts';
import { gate } from '../../support/memory-parts.ts';
import { Model } from '../../support/model.ts';

const source: TreeSource = { name: 'tiny', async build() {} };
let model: Model;
let api: Api;
let populate: (source: TreeSource, options?: BuildOptions) => Promise<void>;

/** Volumes of this model keep trees that a source can fill; `populate` decides what becomes of it. */
beforeEach(async () => {
  model = await Model.make({ engine: true, templateSources: [source] });
  await model.create('TemplateVM', 'base');
  await model.create('AppVM', 'work', 'base');
  const pool = model.system.pool('varlibqubes') as Pool;
  const open = pool.volume.bind(pool);
  pool.volume = (config) => Object.assign(open(config), { populate });
  populate = async (_source, options) => options?.onProgress?.('unpacking');
  api = new Api(model);
});

const build = (dest = 'base') => api.call('bulkhead.template.Build', { dest, arg: 'tiny' });
const base = () => model.system.domain('base') as QubesVM;

test('fills the root, and says afterwards from what', async () => {
  let filledFrom = '';
  populate = async ({ name }, options) => {
    filledFrom = name;
    options?.onProgress?.('unpacking');
  };
  expect(await build()).toBe('');
  expect(filledFrom).toBe('tiny');
  expect([...base().features.entries()]).toEqual([
    ['template-source', 'tiny'],
    ['os', 'Linux'],
  ]);
  expect(model.log.lines).toContain('info building a template');
});

test('is refused for a domain without a system of its own', async () => {
  await expect(build('work')).rejects.toThrow(
    "Domain work runs on its template's system and holds none of its own",
  );
});

test('is refused while the domain runs', async () => {
  await base().start();
  await expect(build()).rejects.toMatchObject({ type: 'QubesVMNotHaltedError' });
});

test('is refused by a pool that keeps no trees', async () => {
  const other = await Model.make({ engine: true, templateSources: [source] });
  await other.create('TemplateVM', 'base');
  await expect(new Api(other).call('bulkhead.template.Build', { dest: 'base', arg: 'tiny' })).rejects.toThrow(
    "The pool of base's root volume does not keep directory trees",
  );
});

test('that fails says nothing of a source', async () => {
  populate = async () => {
    throw new StoragePoolException('no such mirror');
  };
  await expect(build()).rejects.toThrow('no such mirror');
  expect([...base().features.entries()]).toEqual([]);
});

test('keeps the domain from being started or removed meanwhile', async () => {
  const { reached, open, pass } = gate();
  populate = pass;
  const built = build();
  await reached;
  const started = base().start();
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(base().powerState).toBe('Halted');
  open();
  await Promise.all([built, started]);
  expect(base().powerState).toBe('Running');
});

test('the check finds what is missing, what is nobody’s, what is broken and what was not finished', async () => {
  expect(await checkSystem(model.system)).toEqual([]);
  const volume = (vid: string) =>
    model.system.pool('varlibqubes').volume({
      name: 'x',
      vid,
      size: 1,
      rw: true,
      snapOnStart: false,
      saveOnStop: true,
      revisionsToKeep: 0,
    });
  await volume('appvms/work/private').remove();
  await volume('appvms/stray/private').create();
  await base().start();
  await model.system.change((change) =>
    model.system.journal(change, model.system.domain('work') as QubesVM, 'create'),
  );
  model.system.domain('work').markBroken('on purpose', null);
  expect(await checkSystem(model.system)).toEqual([
    { about: 'work', problem: 'broken record: on purpose' },
    {
      about: 'work',
      problem: 'an operation (create) was begun and not finished; restart the daemon to settle it',
    },
    { about: 'work', problem: 'its volume varlibqubes:appvms/work/private does not exist' },
    { about: 'varlibqubes:appvms/stray/private', problem: 'this volume belongs to no domain' },
  ]);
});
