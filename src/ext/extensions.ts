import type { Qubes } from '../app/qubes.ts';
import { applyLimitsLive } from './live-limits.ts';

/** Every extension of the core, attached to the system by its events alone. */
const EXTENSIONS: readonly ((system: Qubes) => void)[] = [applyLimitsLive];

/** Attaches them all; once, before the system does anything. */
export function attachExtensions(system: Qubes): void {
  for (const attach of EXTENSIONS) attach(system);
}
