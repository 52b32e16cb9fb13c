import { type Command, Option } from 'commander';
import {
  messageOf,
  ProtocolError,
  printable,
  QubesException,
  QubesLabelNotFoundError,
} from '../base/errors.ts';
import { cloneDomain } from '../client/clone.ts';
import { newCommand, repeatable } from './command.ts';
import { type Context, UsageError } from './context.ts';
import { poolsIn } from './pools.ts';
import { withProgress } from './progress.ts';
import { printError } from './run-tool.ts';

interface CreateOptions {
  readonly class?: string;
  readonly standalone?: true;
  readonly disp?: true;
  readonly property?: readonly string[];
  readonly label?: string;
  readonly template?: string;
  readonly pool?: readonly string[];
  readonly P?: string;
  readonly rootCopyFrom?: string;
  readonly rootMoveFrom?: string;
  readonly helpClasses?: true;
  readonly verbose: number;
}

export function define(context: Context): Command {
  return newCommand(context, {
    name: 'qvm-create',
    summary: 'create a domain',
    details:
      'The label is the colour its windows and its name will have; it stands for how far you trust it.',
    examples: [
      ['qvm-create --label blue study', 'an AppVM on the default template'],
      ['qvm-create -l red -t debian-12 --prop memory=800 --prop netvm= vault', 'more memory, no network'],
      ['qvm-create -l gray --standalone -t host own-system', 'its own copy of a template'],
      ['qvm-create -l red --class NetVM sys-usbnet', 'a domain that gives network'],
    ],
  })
    .argument('[NEWNAME]', 'name of the new domain')
    .addOption(new Option('-C, --class <CLASS>', 'its class').default('AppVM'))
    .option('--standalone', 'same as --class StandaloneVM')
    .option('--disp', 'same as --class DispVM --label red')
    .addOption(repeatable('--prop, --property <NAME=VALUE>', 'set a property; may be repeated'))
    .option('-t, --template <TEMPLATE>', 'the template it runs on; else the default one')
    .option('-l, --label <LABEL>', 'its label: red, orange, yellow, green, gray, blue, purple, black')
    .addOption(repeatable('-p, --pool <VOLUME=POOL>', 'put this volume into that pool'))
    .option('-P <POOL>', 'put all volumes into this pool')
    .addOption(new Option('-r, --root-copy-from <FILE>', 'not in this version').hideHelp())
    .addOption(new Option('-R, --root-move-from <FILE>', 'not in this version').hideHelp())
    .addOption(new Option('--no-root').hideHelp())
    .option('--help-classes', 'list the classes and exit')
    .action((name: string | undefined, options: CreateOptions) => create(context, name, options));
}

async function create(context: Context, argument: string | undefined, options: CreateOptions): Promise<void> {
  if (options.helpClasses) {
    for (const name of await context.client.classes()) context.stdout.write(`${name}\n`);
    return;
  }
  if (options.rootCopyFrom ?? options.rootMoveFrom)
    throw new UsageError(
      '--root-copy-from and --root-move-from take disk images, which containers do not have',
    );
  const { name, label, template, ...properties } = settings(argument, options);
  if (name === undefined) throw new UsageError("missing required argument 'NEWNAME'");
  for (const word of [name, label ?? '', template ?? ''])
    if (/\s/.test(word)) throw new UsageError(`'${word}' is not a name: it holds a blank`);
  if (label === undefined) throw new UsageError('a label is needed, such as --label blue');
  const klass = options.disp ? 'DispVM' : options.standalone ? 'StandaloneVM' : (options.class ?? 'AppVM');
  const pools = poolsIn(options);
  const work: Promise<unknown> =
    klass === 'StandaloneVM' && template !== undefined
      ? copyTemplate(context, { name, label, template, ...pools })
      : context.client.create({
          class: klass,
          name,
          label,
          ...(template !== undefined && { template }),
          ...pools,
        });
  await withProgress(
    context,
    `creating ${name}`,
    work.catch((error) => explain(context, klass, error)),
  );
  await setProperties(context, name, properties);
  if (options.verbose > 0) context.stderr.write(`${name}: created\n`);
}

/** Everything given as NAME=VALUE or by an option of its own. An option wins over `--prop`. */
function settings(name: string | undefined, options: CreateOptions): Record<string, string | undefined> {
  const pairs = (options.property ?? []).map((pair) => {
    const at = pair.indexOf('=');
    if (at < 1) throw new UsageError(`--property '${pair}' is not of the form NAME=VALUE`);
    return [pair.slice(0, at).replaceAll('-', '_'), pair.slice(at + 1)];
  });
  return {
    ...Object.fromEntries(pairs),
    ...(options.disp && { label: 'red' }),
    ...(options.label !== undefined && { label: options.label }),
    ...(options.template !== undefined && { template: options.template }),
    ...(name !== undefined && { name }),
  };
}

interface StandaloneCopy {
  readonly name: string;
  readonly label: string;
  readonly template: string;
  readonly pool?: string;
  readonly pools?: Record<string, string>;
}

/** A standalone domain "with" a template is a copy of it, with empty private storage of its own. */
async function copyTemplate(
  context: Context,
  { name, label, template, ...pools }: StandaloneCopy,
): Promise<void> {
  const options = { class: 'StandaloneVM', ignoreVolumes: ['private'], ...pools };
  await cloneDomain(context.client, template, name, options);
  await context.client.domain(name).properties.set('label', label);
}

async function setProperties(
  context: Context,
  name: string,
  properties: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  for (const [property, value = ''] of Object.entries(properties)) {
    try {
      await context.client.domain(name).properties.set(property, value);
    } catch (error) {
      const text = `${name} was created, but its property ${property} was not set: ${messageOf(error)}`;
      printError('qvm-create', new QubesException(text), context);
      context.exitCode = 1;
    }
  }
}

/** The daemon says that a class or a label does not exist; which do helps more. */
async function explain(context: Context, klass: string, error: unknown): Promise<never> {
  if (error instanceof QubesLabelNotFoundError) {
    const labels = await context.client.labels().catch(() => []);
    if (labels.length > 0) throw new QubesException(`${error.message}; there are: ${labels.join(', ')}`);
  }
  const classes =
    error instanceof ProtocolError ? await context.client.classes().catch(() => [klass]) : [klass];
  if (classes.includes(klass)) throw error;
  throw new QubesException(`There is no class '${printable(klass)}'; there are: ${classes.join(', ')}`);
}
