import { type Command, Option } from 'commander';
import { QubesVMNotHaltedError } from '../base/errors.ts';
import type { DomainClient } from '../client/domain-client.ts';
import { type Context, UsageError } from './context.ts';
import { doToDomains, newVerb, type VerbOptions } from './domain-verb.ts';

interface StartOptions extends VerbOptions {
  readonly skipIfRunning?: true;
  readonly drive?: string;
  readonly hddisk?: string;
  readonly cdrom?: string;
  readonly installWindowsTools?: true;
}

export function define(context: Context): Command {
  return newVerb(context, {
    name: 'qvm-start',
    summary: 'start domains',
    examples: [
      ['qvm-start work', 'ready for commands when it returns'],
      ["qvm-start 'sys-*'", 'several at once'],
      ['qvm-start --all', 'whatever is not running yet'],
    ],
  })
    .option('--skip-if-running', 'do not fail for a domain that runs already')
    .addOption(
      new Option('--drive <DRIVE>', 'boot with this drive (machines only)').conflicts(['hddisk', 'cdrom']),
    )
    .addOption(
      new Option('--hddisk <DRIVE>', 'boot with this as a hard disk (machines only)').conflicts('cdrom'),
    )
    .option('--cdrom <IMAGE>', 'boot with this image as a CD (machines only)')
    .addOption(new Option('--install-windows-tools').hideHelp())
    .action(async (names: string[], options: StartOptions) => {
      refuseDrives(options);
      const doing = { tool: 'qvm-start', verb: 'starting', done: 'started' };
      await doToDomains(context, names, options, doing, (domain) => start(domain, options));
    });
}

/**
 * The daemon takes a start of a running domain for done; this tool, as on Qubes, tells. One that is just coming up or
 * going down is waited for.
 */
async function start(domain: DomainClient, { skipIfRunning, all }: StartOptions): Promise<void> {
  const { power_state: state = 'NA' } = await domain.state();
  if (state === 'Halted' || state === 'Transient') return domain.start();
  if (skipIfRunning || all) return;
  throw new QubesVMNotHaltedError(
    state === 'Paused'
      ? `is paused; let it go on with: qvm-unpause ${domain.name}`
      : `is ${state.toLowerCase()} already; --skip-if-running makes that no error`,
  );
}

function refuseDrives(options: StartOptions): void {
  const drive = options.drive ?? options.hddisk ?? options.cdrom;
  if (drive !== undefined || options.installWindowsTools)
    throw new UsageError('drives can only be given to machines (hvm), which are not in this version');
}
