/** Taking over a system from a qubes.xml, and giving one out. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { setImmediate as otherThings } from 'node:timers/promises';
import { importInto } from '../../app/import-system.ts';
import { exportSystem } from '../../app/interchange/export.ts';
import { importSystem } from '../../app/interchange/import.ts';
import { recordsOf } from '../../app/system-records.ts';
import { messageOf, ProtocolError, printable, QubesValueError } from '../../base/errors.ts';
import type { XmlNode } from '../../xml/node.ts';
import { parseXmlInSteps } from '../../xml/parser.ts';
import { writeXml } from '../../xml/writer.ts';
import type { Handler } from '../call.ts';
import { utf8Payload } from '../payload.ts';

/** Larger than the file of any system that people have. */
const MAX_FILE = 64 * 1024 * 1024;
const CHUNK = 256 * 1024;

export const interchange = {
  'bulkhead.Export': ({ system }) =>
    `<?xml version="1.0" encoding="utf-8"?>\n${writeXml(exportSystem(recordsOf(system)), { indent: '  ' })}\n`,

  async 'bulkhead.Import'({ system, untrustedArgument, untrustedPayload }) {
    if (untrustedArgument !== '' && untrustedArgument !== 'skip-existing')
      throw new ProtocolError(`The argument may be skip-existing, not '${printable(untrustedArgument)}'`);
    const imported = importSystem(await parsed(await readText(utf8Payload(untrustedPayload))));
    return JSON.stringify(
      await importInto(system, imported, { skipExisting: untrustedArgument === 'skip-existing' }),
    );
  },
} satisfies Record<string, Handler>;

/** A large file takes seconds, in which others are to be answered. */
async function parsed(untrustedText: string): Promise<XmlNode> {
  const steps = parseXmlInSteps(untrustedText, { maximumLength: MAX_FILE });
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    await otherThings();
  }
}

async function readText(untrustedPath: string): Promise<string> {
  if (!isAbsolute(untrustedPath) || untrustedPath.includes('\0'))
    throw new QubesValueError(`Expected an absolute path, not '${printable(untrustedPath)}'`);
  try {
    // Some files have no end, or wait for something to read: a pipe, a device, the kernel's log in /proc.
    await using file = await open(untrustedPath, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!(await file.stat()).isFile()) throw new QubesValueError('it is not a file');
    return await readWithin(file, MAX_FILE);
  } catch (error) {
    throw new QubesValueError(`Cannot read '${printable(untrustedPath)}': ${messageOf(error)}`);
  }
}

/** The size a file says it has may be wrong. */
async function readWithin(file: FileHandle, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK);
    if (bytesRead === 0) return Buffer.concat(chunks).toString('utf8');
    length += bytesRead;
    if (length > limit) throw new QubesValueError(`it is longer than ${limit} bytes`);
    chunks.push(buffer.subarray(0, bytesRead));
  }
}
