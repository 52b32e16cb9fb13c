import { existsSync, readFileSync } from 'node:fs';
import { Failure, ROOT, run } from './run.mjs';

const SETUP_HOST = `${ROOT}/scripts/setup-host`;

/**
 * Makes sure of what must be on the machine itself (runc and friends). Asks before it installs, unless `yes`, or
 * this is a fresh container and we are its root. `extra` are further arguments for scripts/setup-host.
 */
export async function ensureHost({ yes = false, extra = [] } = {}) {
  const check = await run([SETUP_HOST, '--check', ...extra], { quiet: true });
  if (check.code === 0) return;
  const unasked = yes || isFreshContainer();
  if (!unasked && !process.stdin.isTTY) {
    throw new Failure(
      `${check.printed.trimEnd()}\n\nThis machine lacks what is named above, and there is no terminal to ask whether to install it.\nInstall it with \`npm start -- --yes\`, or yourself.`,
    );
  }
  const { code } = await run([SETUP_HOST, ...(unasked ? ['--yes'] : []), ...extra], { input: 'inherit' });
  if (code !== 0) throw new Failure('The machine is not ready; the lines above say what is missing.');
}

/** Root of a container, or of an image just as bare: nothing there manages services, so nobody else relies on it. */
function isFreshContainer() {
  if (process.getuid?.() !== 0) return false;
  const markers = ['/.dockerenv', '/run/.containerenv', '/run/systemd/container'];
  return (
    markers.some((path) => existsSync(path)) || !isServiceManager(readFileSync('/proc/1/comm', 'utf8').trim())
  );
}

function isServiceManager(program) {
  return ['systemd', 'openrc-init', 'runit', 's6-svscan', 'dinit', 'shepherd'].includes(program);
}
