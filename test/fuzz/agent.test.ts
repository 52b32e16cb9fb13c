import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeFrame, Frame, type FrameType } from '../../src/base/frames.ts';
import { encodeAgentRequest } from '../../src/hypervisor/oci/agent-request.ts';
import { runCommand } from '../contract/run-command.ts';
import { Workshop } from '../integration/oci/fixture.ts';

/** Whatever is said to the agent of a real container, it goes on serving. */

let workshop: Workshop;
let uuid: string;
beforeAll(async () => {
  workshop = await Workshop.open();
  ({ uuid } = await workshop.started());
});
afterAll(() => workshop[Symbol.asyncDispose]());

const SIGTERM = 15;
const frameType = fc.constantFrom<FrameType>(...Object.values(Frame));
// On a connection that only watches, SIGTERM is the order to stop: the agent is right to obey.
const frame = fc
  .tuple(frameType, fc.uint8Array({ maxLength: 40 }))
  .filter(([type, payload]) => type !== Frame.signal || payload[0] !== SIGTERM)
  .map(([type, payload]) => encodeFrame(type, payload));
const request = fc
  .record({
    argv: fc.constantFrom<[string, ...string[]]>(
      ['cat'],
      ['true'],
      ['sh', '-c', 'echo x; cat'],
      ['nonsense'],
    ),
    user: fc.constantFrom('root', 'user', 'nobody-here'),
    terminal: fc.option(fc.constant({ rows: 24, columns: 80, type: 'xterm' }), { nil: undefined }),
  })
  .map(({ terminal, ...rest }) =>
    encodeFrame(Frame.request, encodeAgentRequest(terminal ? { ...rest, terminal } : rest)),
  );
const noise = fc.uint8Array({ maxLength: 60 });
/** A well-formed request with one byte changed. */
const damaged = fc.tuple(request, fc.nat(), fc.nat(255)).map(([bytes, at, value]) => {
  const copy = Buffer.from(bytes);
  copy[5 + (at % (copy.length - 5))] = value;
  return copy;
});
const first = fc.oneof(request, damaged, frame, noise);
const conversation = fc.tuple(
  first,
  fc.array(fc.oneof(frame, noise), { maxLength: 6 }),
  fc.nat(30),
  fc.boolean(),
);

async function converse(parts: readonly Uint8Array[], pause: number, rude: boolean): Promise<void> {
  const socket = connect(`${workshop.directory}/run/domains/${uuid}/agent.sock`);
  socket.on('error', () => undefined);
  const heard = buffer(socket).catch(() => undefined);
  for (const part of parts) {
    socket.write(part);
    if (pause > 20) await sleep(1);
  }
  if (rude) socket.destroy();
  else socket.end();
  await Promise.race([heard, sleep(50)]);
  socket.destroy();
}

test('random conversations', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(conversation, { minLength: 1, maxLength: 4 }), async (conversations) => {
      await Promise.all(
        conversations.map(([begin, rest, pause, rude]) => converse([begin, ...rest], pause, rude)),
      );
      const { stdout, code } = await runCommand(workshop.hypervisor, uuid, { argv: ['cat'] }, 'still here');
      expect([stdout, code]).toEqual(['still here', 0]);
    }),
    { numRuns: 150 },
  );
  // Nothing of them goes on: what was hung up is gone after its two seconds of grace.
  await expect
    .poll(
      async () => (await runCommand(workshop.hypervisor, uuid, { argv: ['pgrep', '-c', '.'] })).stdout.trim(),
      {
        timeout: 6000,
      },
    )
    .toBe('1');
}, 60_000);
