/** Where the parts of the system report. One line an event, JSON, so that people and programs can read it. */

export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

export type Fields = Readonly<Record<string, unknown>>;

/** Drops everything: for tests and for library users who want silence. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** Writes JSON lines through `write`; `debug` lines only when `verbose`. */
export function jsonLog(write: (line: string) => void, verbose = false): Log {
  const emit = (level: string, message: string, fields?: Fields) =>
    write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...readable(fields) })}\n`);
  return {
    debug: (message, fields) => verbose && emit('debug', message, fields),
    info: (message, fields) => emit('info', message, fields),
    warn: (message, fields) => emit('warn', message, fields),
    error: (message, fields) => emit('error', message, fields),
  };
}

/** Errors do not survive JSON by themselves. */
function readable(fields: Fields = {}): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      value instanceof Error ? (value.stack ?? value.message) : value,
    ]),
  );
}
