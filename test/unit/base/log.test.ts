import { expect, test } from 'vitest';
import { jsonLog, silentLog } from '../../../src/base/log.ts';

function logged(
  verbose: boolean,
  write: (log: ReturnType<typeof jsonLog>) => void,
): Record<string, unknown>[] {
  const lines: string[] = [];
  write(jsonLog((line) => lines.push(line), verbose));
  for (const line of lines) expect(line).toMatch(/^[^\n]*\n$/);
  return lines.map((line) => JSON.parse(line));
}

test('one line of JSON an event, with time, level, message and fields', () => {
  const [line] = logged(false, (log) => log.warn('disk\nfull', { free: 0 }));
  expect(line).toEqual({ time: expect.any(String), level: 'warn', message: 'disk\nfull', free: 0 });
  expect(new Date(line?.['time'] as string).getTime()).toBeGreaterThan(0);
});

test('debug lines only when verbose', () => {
  const all = (log: ReturnType<typeof jsonLog>) => {
    log.debug('d');
    log.info('i');
    log.warn('w');
    log.error('e');
  };
  expect(logged(false, all).map(({ level }) => level)).toEqual(['info', 'warn', 'error']);
  expect(logged(true, all).map(({ level }) => level)).toEqual(['debug', 'info', 'warn', 'error']);
});

test('an error among the fields is readable', () => {
  const [line] = logged(false, (log) => log.error('failed', { error: new Error('why') }));
  expect(line?.['error']).toMatch(/^Error: why\n/);
});

test('the silent log takes everything and says nothing', () => {
  expect([silentLog.debug('x'), silentLog.info('x'), silentLog.warn('x'), silentLog.error('x')]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
