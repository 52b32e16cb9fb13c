import { METHODS, type MethodName } from '../../src/api/contract/methods.ts';
import { MAX_REQUEST } from '../../src/api/contract/request.ts';
import type { Random } from '../integration/daemon/random.ts';
import { request } from '../integration/daemon/wire.ts';

/** Requests a client might send, from nearly right to plain noise; the same chance gives the same requests. */

/** `admin.Events` does not answer and end; it has tests of its own. */
const NAMES = (Object.keys(METHODS) as MethodName[]).filter((name) => name !== 'admin.Events');

const DOMAINS = ['dom0', 'base', 'one', 'two', 'net', 'dvm', 'fuzz-a', 'fuzz-b', 'fuzz-c'];
const WORDS = [
  ...DOMAINS,
  ...[
    'label',
    'memory',
    'netvm',
    'template',
    'name',
    'qid',
    'uuid',
    'virt_mode',
    'default_dispvm',
    'ip',
    'mac',
  ],
  ...[
    'provides_network',
    'autostart',
    'default_netvm',
    'default_template',
    'default_kernel',
    'keyboard_layout',
  ],
  ...[
    'root',
    'private',
    'volatile',
    'varlibqubes',
    'red',
    'blue',
    'label-1',
    'mauve',
    'nothing',
    'gui',
    'a.b-c',
  ],
  ...[
    'True',
    'False',
    'None',
    '0',
    '1',
    '-1',
    '400',
    '99999999999999999999',
    '1e3',
    '0x10',
    '1.5',
    'force+wait',
  ],
  ...[
    '10.137.0.5',
    '::1',
    '0xff0000',
    '#12',
    '../../etc/passwd',
    '__proto__',
    'constructor',
    'toString',
    '@dispvm',
  ],
  ...[
    'uuid:00000000-0000-0000-0000-000000000000',
    'uuid:x',
    '%s%n%d',
    '$(id)',
    "';--",
    '<a>&amp;',
    '\\',
    '+',
    '=',
  ],
];

export function anyRequest(random: Random): Buffer {
  const kind = random.below(20);
  if (kind < 14) return nearlyRight(random);
  if (kind < 18) return damaged(random, nearlyRight(random));
  if (kind < 19) return random.bytes(random.below(400));
  return ofLength(random, nearlyRight(random), MAX_REQUEST - 3 + random.below(7));
}

function nearlyRight(random: Random): Buffer {
  const name = random.pick(NAMES);
  const method = METHODS[name];
  const fits = random.below(4) > 0;
  const destination = fits && method.destination === 'adminvm' ? 'dom0' : anyDestination(random);
  const argument = fits && method.argument === 'none' ? '' : anyText(random);
  return request(
    name,
    argument,
    destination,
    fits && method.payload === 'none' ? '' : anyPayload(random, name),
  );
}

function anyDestination(random: Random): string {
  return random.below(10) > 0 ? random.pick(DOMAINS) : anyText(random);
}

function anyText(random: Random): string {
  const kind = random.below(12);
  if (kind < 9) return random.pick(WORDS);
  if (kind === 9) return random.pick(WORDS).repeat(1 + random.below(300));
  return random.bytes(random.below(60)).toString(kind === 10 ? 'latin1' : 'base64url');
}

function anyPayload(random: Random, name: MethodName): Buffer {
  const kind = random.below(10);
  if (name.startsWith('admin.vm.Create') && kind < 8) return Buffer.from(anyPairs(random));
  if (name === 'bulkhead.vm.GetAll' && kind < 8)
    return Buffer.from(
      random.pick(['{}', '{"properties":["label",1]}', '{"properties":["__proto__"]}', '[', 'null', '"x"']),
    );
  if (kind < 7) return Buffer.from(anyText(random), 'latin1');
  if (kind === 7) return Buffer.alloc(0);
  return random.bytes(random.below(kind === 8 ? 40 : 3000));
}

function anyPairs(random: Random): string {
  const pairs = [`name=${random.pick(DOMAINS)}`, `label=${random.pick(['red', 'blue', 'mauve', ''])}`];
  if (random.below(4) === 0) pairs.push(`pool=${random.pick(['varlibqubes', 'nowhere', ''])}`);
  if (random.below(6) === 0) pairs.push(`${anyText(random)}=${anyText(random)}`);
  return pairs.join(random.below(10) > 0 ? ' ' : '  ');
}

/** Cut, with bytes changed, taken out, put in, or doubled. */
function damaged(random: Random, bytes: Buffer): Buffer {
  const at = random.below(bytes.length + 1);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (random.below(5)) {
    case 0:
      return before;
    case 1:
      return Buffer.concat([before, random.bytes(1), after.subarray(1)]);
    case 2:
      return Buffer.concat([before, after.subarray(1)]);
    case 3:
      return Buffer.concat([before, Buffer.of(random.pick([0, 0x20, 0x2b, 0x0a, 0xff])), after]);
    default:
      return Buffer.concat([before, before, after]);
  }
}

function ofLength(random: Random, bytes: Buffer, length: number): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(Math.max(0, length - bytes.length), 0x41 + random.below(26))]);
}
