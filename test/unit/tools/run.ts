import { PassThrough, Writable } from 'node:stream';
import { AdminClient } from '../../../src/client/admin-client.ts';
import type { Context, Input, Output } from '../../../src/tools/context.ts';
import { TOOLS } from '../../../src/tools/registry.ts';
import { runTool } from '../../../src/tools/run-tool.ts';

/** What a tool printed and how it ended. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface World {
  readonly socket?: string;
  readonly execSocket?: string;
  readonly input?: string;
  readonly terminal?: boolean;
  readonly env?: Record<string, string>;
}

/** Runs a tool in this process, against the sockets given. Nothing listens where none are. */
export async function run(tool: string, argv: readonly string[], world: World = {}): Promise<Ran> {
  const [stdout, stderr] = [new Collector(world.terminal), new Collector(world.terminal)];
  const stdin: Input = Object.assign(new PassThrough(), { isTTY: world.terminal ?? false });
  (stdin as PassThrough).end(world.input ?? '');
  const context: Context = {
    stdin,
    stdout,
    stderr,
    env: world.env ?? {},
    client: new AdminClient({ socket: world.socket ?? '/nonexistent/qubesd.sock' }),
    execSocket: world.execSocket ?? '/nonexistent/exec.sock',
    exitCode: 0,
  };
  const load = tool === 'bulkhead' ? () => import('../../../src/tools/bulkhead.ts') : TOOLS[tool];
  if (!load) throw new Error(`no tool ${tool}`);
  const code = await runTool((await load()).define, argv, context);
  return { code, out: stdout.text, err: stderr.text };
}

class Collector extends Writable implements Output {
  readonly isTTY: boolean;
  readonly columns = 100;
  readonly rows = 30;
  text = '';
  constructor(terminal = false) {
    super({ decodeStrings: false });
    this.isTTY = terminal;
  }
  override _write(chunk: Buffer | string, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}
