import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'bench-'));
afterAll(() => rmSync(folder, { recursive: true }));

function bench(...options: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const argv = ['test/bench/main.ts', ...options];
    execFile(process.execPath, argv, { timeout: 100_000 }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, output: stdout + stderr }),
    );
  });
}

/** Folders of private daemons. */
function leftovers(): string[] {
  return readdirSync('/var/tmp').filter((name) => name.startsWith('bulkhead-bench-'));
}

describe('the bench', () => {
  it('measures what it is asked, beside its targets, and leaves nothing', async () => {
    const before = leftovers();
    const { code, output } = await bench(
      '--sizes',
      '10,12',
      '--only',
      'list,set',
      '--json',
      `${folder}/out.json`,
    );
    expect(output).toMatch(/^domains +10 +12 +target/m);
    expect(output).toMatch(/^admin\.vm\.List p50, ms +[\d.]+ +[\d.]+ +<= 1\.5 ms up to 1000/m);
    expect(output).not.toContain('GetAll');
    expect(code).toBe(0);

    const { rows, machine } = JSON.parse(readFileSync(`${folder}/out.json`, 'utf8'));
    expect(machine.processors).toBeGreaterThan(0);
    expect(rows.map((row: { row: string; domains: number }) => [row.row, row.domains])).toEqual([
      ['list', 10],
      ['set', 10],
      ['set16', 10],
      ['list', 12],
      ['set', 12],
      ['set16', 12],
    ]);
    for (const { value } of rows) expect(value).toBeGreaterThan(0);
    expect(leftovers()).toEqual(before);
  }, 120_000);

  it('refuses sizes and groups it does not know', async () => {
    expect(await bench('--sizes', '5')).toMatchObject({
      code: 2,
      output: expect.stringContaining("'5' is no size"),
    });
    expect(await bench('--only', 'speed')).toMatchObject({
      code: 2,
      output: expect.stringContaining("'speed'"),
    });
  });
});
