import { chmod, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes a directory and those above it that are missing, all with exactly this mode, whatever the umask. */
export async function makeDirectories(path: string, mode: number): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await chmod(made, mode);
}
