import { describe, expect, test } from 'vitest';
import { METHODS, type Method, type MethodName } from '../../../src/api/contract/methods.ts';
import { STREAMING } from '../../../src/api/handlers.ts';
import { Api, Refused, smallSystem } from '../../support/api.ts';
import type { Case, Cases } from './case.ts';
import { domainCases } from './cases/domains.ts';
import { propertyCases } from './cases/properties.ts';
import { systemCases } from './cases/system.ts';
import { wordCases } from './cases/words.ts';

/** Every method of the table, over the real dispatcher, from the request's bytes to the answer's. */

const cases: Cases = { ...propertyCases, ...wordCases, ...domainCases, ...systemCases };
const methods = (Object.keys(METHODS) as MethodName[]).filter((name) => !STREAMING.has(name));

/** Answered elsewhere: what they do takes more than one call. */
const MORE = new Map<MethodName, string>([
  ['admin.vm.volume.CloneTo', 'volumes.test.ts'],
  ['bulkhead.template.Build', 'build-template.test.ts'],
  ['admin.vm.Create.AdminVM', 'never done'],
]);

test('every method has a case that is answered and one that is refused', () => {
  const without = (kind: 'answer' | 'refused') =>
    methods.filter((name) => !cases[name]?.some((one) => one[kind] !== undefined));
  expect(without('refused')).toEqual([]);
  expect(without('answer').filter((name) => !MORE.has(name))).toEqual([]);
});

describe.each(methods)('%s', (name) => {
  test.each((cases[name] ?? []).map((one) => [one.it, one] as const))('%s', async (_, one) => {
    const model = await smallSystem();
    await one.given?.(model);
    const outcome = await new Api(model).call(name, one).catch((error: unknown) => error);
    if (one.refused) expectRefusal(outcome, one.refused);
    else expectAnswer(outcome, one, model);
    await one.after?.(model);
  });

  test.each(misfits(METHODS[name]))('refuses %s', async (message, sent) => {
    const outcome = await new Api(await smallSystem()).call(name, sent).catch((error: unknown) => error);
    expectRefusal(outcome, ['ProtocolError', message]);
  });
});

function expectRefusal(outcome: unknown, [type, message]: NonNullable<Case['refused']>): void {
  expect(outcome).toBeInstanceOf(Refused);
  const refusal = outcome as Refused;
  if (typeof message === 'string') expect(refusal.message).toBe(message);
  else expect(refusal.message).toMatch(message);
  expect(refusal.type).toBe(type);
}

function expectAnswer(
  outcome: unknown,
  { answer }: Case,
  model: Awaited<ReturnType<typeof smallSystem>>,
): void {
  if (answer instanceof RegExp) expect(outcome).toMatch(answer);
  else expect(outcome).toBe(typeof answer === 'function' ? answer(model) : answer);
}

/** Calls that do not have what the table says the method wants. */
function misfits(
  method: Method,
): [message: string, sent: { arg?: string; dest?: string; payload?: string }][] {
  const dest = method.destination === 'adminvm' ? 'dom0' : 'work';
  const arg = method.argument === 'required' ? 'x' : '';
  const payload = method.payload === 'required' ? 'x' : '';
  const found: [string, { arg?: string; dest?: string; payload?: string }][] = [];
  if (method.payload === 'none') found.push(['unexpected payload', { dest, arg, payload: 'x' }]);
  if (method.payload === 'required') found.push(['expected payload', { dest, arg }]);
  if (method.argument === 'none') found.push(['unexpected argument', { dest, arg: 'x', payload }]);
  if (method.argument === 'required') found.push(['expected an argument', { dest, payload }]);
  if (method.destination === 'adminvm')
    found.push(['expected destination to be AdminVM', { dest: 'work', arg, payload }]);
  if (method.destination === 'domain')
    found.push(['expected destination to not be AdminVM', { dest: 'dom0', arg, payload }]);
  return found;
}
