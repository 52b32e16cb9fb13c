import { readFile } from 'node:fs/promises';

/** More than any program needs; what a container may have when the daemon may have it. */
const AT_MOST = 524_288;

/** This process's hard limit of open files, which its containers can't exceed; at most half a million. */
export async function openFilesLimit(): Promise<number> {
  const limits = await readFile('/proc/self/limits', 'utf8');
  const hard = /^Max open files\s+\S+\s+(\d+|unlimited)/m.exec(limits)?.[1];
  return hard === undefined || hard === 'unlimited' ? AT_MOST : Math.min(AT_MOST, Number(hard));
}
