import { setTimeout as sleep } from 'node:timers/promises';
import { Failure, ROOT, run } from './run.mjs';

const BIN = `${ROOT}/bin`;

/** Shows the system at work with the very commands one would type, then says what to type next. */
export async function demonstrate() {
  await show('qvm-start', '--skip-if-running', 'work');
  await show('qvm-run', '--pass-io', 'work', 'echo "I am $(id -un) in $(hostname)"; cat /proc/self/uid_map');
  await show(
    'qvm-run',
    '--pass-io',
    '--dispvm=default-dvm',
    'echo "I am in $(hostname), gone when this ends"',
  );
  await disposablesGone();
  await show('qvm-ls');
  console.log(whatNext());
}

/** Runs a tool beneath the line one would type for it. */
async function show(tool, ...args) {
  console.log(`\n$ ${[tool, ...args.map(quoted)].join(' ')}`);
  const { code } = await run([`${BIN}/${tool}`, ...args], { seconds: 120 });
  if (code !== 0) throw new Failure(`${tool} ended with ${code}; the line above says why.`);
}

/** A disposable is cleared away behind the command's back; the list to come should not show it any more. */
async function disposablesGone() {
  for (const deadline = Date.now() + 2_000; Date.now() < deadline; await sleep(20)) {
    const list = [`${BIN}/qvm-ls`, '--raw-list', '--running', '--class', 'DispVM'];
    const { printed } = await run(list, { quiet: true });
    if (printed.trim() === '') return;
  }
}

function quoted(arg) {
  return /^[\w=.@/-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`;
}

function whatNext() {
  const elsewhere = ['BULKHEAD_STATE', 'BULKHEAD_RUN'].filter((name) => process.env[name]);
  const exports = elsewhere.map((name) => `  export ${name}=${quoted(process.env[name])}\n`).join('');
  return `
The system is running. In your shell:

${exports}  export PATH="${BIN}:$PATH"
  source <(bulkhead completion bash)       # completes commands and domains; also zsh, fish

and then, for example:

  qvm-run work                             # a shell in work
  echo hi | qvm-run --pass-io --dispvm cat
  qvm-create --label green bank            # a new domain
  qvm-ls --tree                            # who gets network from whom
  npm stop                                 # shuts everything down
`;
}
