/** Taking over a system from a qubes.xml, and giving one out. */
import { readFile, stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { importInto } from '../../app/import-system.ts';
import { exportSystem } from '../../app/interchange/export.ts';
import { importSystem } from '../../app/interchange/import.ts';
import { recordsOf } from '../../app/system-records.ts';
import { messageOf, ProtocolError, printable, QubesValueError } from '../../base/errors.ts';
import { parseXml } from '../../xml/parser.ts';
import { writeXml } from '../../xml/writer.ts';
import type { Handler } from '../call.ts';
import { utf8Payload } from '../payload.ts';

/** Larger than the file of any system that people have. */
const MAX_FILE = 64 * 1024 * 1024;

export const interchange = {
  'bulkhead.Export': ({ system }) =>
    `<?xml version="1.0" encoding="utf-8"?>\n${writeXml(exportSystem(recordsOf(system)), { indent: '  ' })}\n`,

  async 'bulkhead.Import'({ system, untrustedArgument, untrustedPayload }) {
    if (untrustedArgument !== '' && untrustedArgument !== 'skip-existing')
      throw new ProtocolError(`The argument may be skip-existing, not '${printable(untrustedArgument)}'`);
    const imported = importSystem(
      parseXml(await readText(utf8Payload(untrustedPayload)), { maximumLength: MAX_FILE }),
    );
    return JSON.stringify(
      await importInto(system, imported, { skipExisting: untrustedArgument === 'skip-existing' }),
    );
  },
} satisfies Record<string, Handler>;

async function readText(untrustedPath: string): Promise<string> {
  if (!isAbsolute(untrustedPath) || untrustedPath.includes('\0'))
    throw new QubesValueError(`Expected an absolute path, not '${printable(untrustedPath)}'`);
  try {
    const file = await stat(untrustedPath);
    // A device or a pipe may have no end.
    if (!file.isFile()) throw new QubesValueError('it is not a file');
    if (file.size > MAX_FILE)
      throw new QubesValueError(`it has ${file.size} bytes; at most ${MAX_FILE} are read`);
    return await readFile(untrustedPath, 'utf8');
  } catch (error) {
    throw new QubesValueError(`Cannot read '${printable(untrustedPath)}': ${messageOf(error)}`);
  }
}
