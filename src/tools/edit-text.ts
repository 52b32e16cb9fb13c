import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QubesException } from '../base/errors.ts';

/**
 * The text as it is after its user has edited it in `$VISUAL`, `$EDITOR` or vi, which may be given arguments
 * (`code --wait`). Throws QubesException when the editor cannot be run or fails; then nothing is taken over.
 */
export async function editText(
  fileName: string,
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'bulkhead-edit-'));
  try {
    const file = join(directory, fileName);
    await writeFile(file, text, { mode: 0o600 });
    await runEditor(env['VISUAL'] || env['EDITOR'] || 'vi', file);
    return await readFile(file, 'utf8');
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function runEditor(editor: string, file: string): Promise<void> {
  const [program = 'vi', ...args] = editor.trim().split(/\s+/);
  const child = spawn(program, [...args, file], { stdio: 'inherit' });
  const ended = await once(child, 'exit').catch((error) => {
    throw new QubesException(
      `the editor '${editor}' cannot be run (${error.message}); set EDITOR to one that can`,
    );
  });
  if (ended[0] !== 0)
    throw new QubesException(`the editor '${editor}' failed; the notes were left as they were`);
}
