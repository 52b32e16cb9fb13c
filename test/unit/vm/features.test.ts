import { beforeEach, describe, expect, test } from 'vitest';
import {
  PermissionDenied,
  ProtocolError,
  QubesException,
  QubesFeatureNotFoundError,
} from '../../../src/base/errors.ts';
import type { BaseVM } from '../../../src/vm/base-vm.ts';
import { Model } from '../../support/model.ts';

let model: Model;
let work: BaseVM;

beforeEach(async () => {
  model = await Model.make();
  await model.add('TemplateVM', 'base');
  work = await model.add('AppVM', 'work', { template: 'base' });
});

const set = (vm: BaseVM, name: string, value: string) =>
  model.system.change((change) => vm.features.set(change, name, value));
const remove = (name: string) => model.system.change((change) => work.features.delete(change, name));

test('a feature is kept across a restart; the empty string is false, and not the same as none', async () => {
  await set(work, 'gui', '1');
  await set(work, 'service.cups', '');
  const { features } = (await model.restarted()).system.domain('work');
  expect([...features.entries()]).toEqual([
    ['gui', '1'],
    ['service.cups', ''],
  ]);
  expect(features.names()).toEqual(['gui', 'service.cups']);
  expect([features.isOn('gui'), features.isOn('service.cups'), features.isOn('other')]).toEqual([
    true,
    false,
    false,
  ]);
  expect(features.get('other')).toBeUndefined();
});

test('changes are asked about before and announced after, with the old value where there was one', async () => {
  const values: unknown[] = [];
  model.system.events.on('domain-feature-*', (_subject, event, given) => void values.push([event, given]));
  await set(work, 'gui', '1');
  await set(work, 'gui', '');
  await remove('gui');
  const first = { feature: 'gui', value: '1' };
  const second = { feature: 'gui', value: '', oldvalue: '1' };
  expect(values).toEqual([
    ['domain-feature-pre-set:gui', first],
    ['domain-feature-set:gui', first],
    ['domain-feature-pre-set:gui', second],
    ['domain-feature-set:gui', second],
    ['domain-feature-pre-delete:gui', { feature: 'gui' }],
    ['domain-feature-delete:gui', { feature: 'gui' }],
  ]);
});

test('a feature that is not set cannot be removed', () =>
  expect(remove('gui')).rejects.toThrow(QubesFeatureNotFoundError));

test('a handler may refuse', async () => {
  await set(work, 'kept', '1');
  for (const event of ['domain-feature-pre-set:*', 'domain-feature-pre-delete:*'])
    model.system.events.on(event, () => {
      throw new PermissionDenied('no');
    });
  await expect(set(work, 'gui', '1')).rejects.toThrow(PermissionDenied);
  await expect(remove('kept')).rejects.toThrow(PermissionDenied);
  expect(work.features.names()).toEqual(['kept']);
});

test('what cannot be stored has not happened', async () => {
  await set(work, 'kept', '1');
  model.disk.capacity = 1;
  await expect(set(work, 'kept', '2')).rejects.toThrow('disk full');
  await expect(set(work, 'new', '2')).rejects.toThrow('disk full');
  await expect(remove('kept')).rejects.toThrow('disk full');
  expect([...work.features.entries()]).toEqual([['kept', '1']]);
});

test.each(['', 'a b', 'é', 'a\n', 'x'.repeat(256), 'a\0'])('%j is no name of a feature', (name) =>
  expect(set(work, name, '1')).rejects.toThrow(QubesException),
);
test.each(['é', 'a\nb', '\0', '\x7f'])('%j is no value of a feature', (value) =>
  expect(set(work, 'gui', value)).rejects.toThrow(ProtocolError),
);

describe('when the domain does not have it itself', () => {
  let base: BaseVM;
  let gateway: BaseVM;
  let dom0: BaseVM;

  beforeEach(async () => {
    dom0 = model.system.adminVM;
    base = model.system.domain('base');
    gateway = await model.add('StandaloneVM', 'gateway', { provides_network: 'True' });
    await model.set(work, 'netvm', 'gateway');
    await set(base, 'both', 'base');
    await set(base, 'of-base', 'base');
    await set(gateway, 'of-gateway', 'gateway');
    await set(dom0, 'both', 'dom0');
    await set(dom0, 'of-dom0', 'dom0');
  });

  test('it is looked up where the question says', () => {
    const { features } = work;
    expect(features.withTemplate('of-base')).toBe('base');
    expect(features.withTemplate('of-dom0')).toBeUndefined();
    expect(features.withNetvm('of-gateway')).toBe('gateway');
    expect(features.withNetvm('of-base')).toBeUndefined();
    expect(features.withAdminVM('of-dom0')).toBe('dom0');
    expect(features.withAdminVM('of-base')).toBeUndefined();
    expect(features.withTemplateAndAdminVM('both')).toBe('base');
    expect(features.withTemplateAndAdminVM('of-dom0')).toBe('dom0');
  });

  test("the domain's own answer wins, also when it is false", async () => {
    for (const name of ['both', 'of-gateway']) await set(work, name, '');
    expect(work.features.withTemplate('both')).toBe('');
    expect(work.features.withNetvm('of-gateway')).toBe('');
    expect(work.features.withAdminVM('both')).toBe('');
    expect(work.features.withTemplateAndAdminVM('both')).toBe('');
  });

  test("a template's template is asked too, as for a disposable", async () => {
    await model.set(work, 'template_for_dispvms', 'True');
    const disposable = await model.add('DispVM', 'disp1', { template: 'work', dispid: '1' });
    expect(disposable.features.withTemplate('of-base')).toBe('base');
  });
});
