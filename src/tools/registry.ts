import type { Command } from 'commander';
import type { Context } from './context.ts';

/** What a tool's file exports: its definition, whose action does the work. */
export type DefineTool = (context: Context) => Command;

/** Every tool but `bulkhead` itself by its name. Each file is loaded only when its tool runs. */
export const TOOLS: Readonly<Record<string, () => Promise<{ define: DefineTool }>>> = {
  'qvm-ls': () => import('./qvm-ls.ts'),
  'qvm-run': () => import('./qvm-run.ts'),
  'qvm-create': () => import('./qvm-create.ts'),
  'qvm-remove': () => import('./qvm-remove.ts'),
  'qvm-clone': () => import('./qvm-clone.ts'),
  'qvm-start': () => import('./qvm-start.ts'),
  'qvm-shutdown': () => import('./qvm-shutdown.ts'),
  'qvm-kill': () => import('./qvm-kill.ts'),
  'qvm-pause': () => import('./qvm-pause.ts'),
  'qvm-unpause': () => import('./qvm-unpause.ts'),
  'qvm-prefs': () => import('./qvm-prefs.ts'),
  'qubes-prefs': () => import('./qubes-prefs.ts'),
  'qvm-features': () => import('./qvm-features.ts'),
  'qvm-service': () => import('./qvm-service.ts'),
  'qvm-tags': () => import('./qvm-tags.ts'),
  'qvm-notes': () => import('./qvm-notes.ts'),
  'qvm-check': () => import('./qvm-check.ts'),
  'qvm-console': () => import('./qvm-console.ts'),
};

/** Where the name without `qvm-` would say too little, or is a command of bulkhead's own. */
const SHORT: Readonly<Record<string, string>> = { 'qubes-prefs': 'system-prefs', 'qvm-check': 'test' };

/** `bulkhead ls` for `qvm-ls`: every tool by its short name. */
export const ALIASES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.keys(TOOLS).map((name) => [SHORT[name] ?? name.replace(/^qvm-/, ''), name]),
);
