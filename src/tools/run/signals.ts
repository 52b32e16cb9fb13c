import { constants } from 'node:os';
import type { Execution } from '../../client/exec.ts';

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

/** Who presses Ctrl-C this often wants to leave, whatever the command makes of it. */
const ENOUGH = 3;

/** Signals this process gets go to the commands instead. The third of those that end a program closes them all. */
export function forwardSignals(executions: ReadonlySet<Execution>): Disposable {
  let endings = 0;
  const forward = (name: NodeJS.Signals) => {
    if (!name.startsWith('SIGUSR')) endings++;
    for (const execution of executions) {
      if (endings >= ENOUGH) execution.close(128 + constants.signals[name]);
      else execution.signal(constants.signals[name]);
    }
  };
  for (const name of FORWARDED) process.on(name, forward);
  return {
    [Symbol.dispose]() {
      for (const name of FORWARDED) process.off(name, forward);
    },
  };
}
