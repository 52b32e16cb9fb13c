import { describe, expect, it } from 'vitest';
import { StoragePoolException } from '../../../src/base/errors.ts';
import { runProgram } from '../../../src/storage/program.ts';

const options = { deadline: 10_000, remedy: 'install it' };

describe('a program', () => {
  it('is run without a shell, and its lines are told', async () => {
    const lines: string[] = [];
    await runProgram(['printf', '%s\n', '$HOME; `id`', 'two'], {
      ...options,
      onLine: (line) => lines.push(line),
    });
    expect(lines).toEqual(['$HOME; `id`', 'two']);
  });

  it('that is missing is told with the remedy', async () => {
    await expect(runProgram(['no-such-program'], options)).rejects.toThrow(
      new StoragePoolException('no-such-program is not installed; install it'),
    );
  });

  it('that fails is told with what it said last', async () => {
    await expect(runProgram(['ls', '/no/such/place'], options)).rejects.toThrow(
      /^ls failed \(exit code 2\)[\s\S]*no\/such/,
    );
  });

  it('that takes too long is killed with its children', async () => {
    const started = Date.now();
    await expect(runProgram(['sh', '-c', 'sleep 60 & wait'], { ...options, deadline: 200 })).rejects.toThrow(
      /sh did not end within 0.2 s/,
    );
    // Its pipes close only when the child is dead too.
    expect(Date.now() - started).toBeLessThan(10_000);
  });

  it('that is given up is killed', async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 100);
    await expect(runProgram(['sleep', '60'], { ...options, signal: abort.signal })).rejects.toThrow(
      /was given up/,
    );
  });
});
