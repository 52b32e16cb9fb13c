import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Duplex } from 'node:stream';

const CHUNK = 65_536;

/**
 * A domain's console: the bytes of its log so far, then what comes, until {@link finish}. What is written to it goes
 * nowhere: a container's first process reads no input.
 */
export class ConsoleStream extends Duplex {
  readonly #file: FileHandle;
  readonly #watcher: FSWatcher;
  #position = 0;
  #reading = false;
  #wanted = false;
  #finished = false;

  private constructor(path: string, file: FileHandle) {
    super({ allowHalfOpen: true });
    this.#file = file;
    this.#watcher = watch(path, { persistent: false }, () => void this.#readMore());
    this.#watcher.on('error', () => undefined);
  }

  static async follow(path: string): Promise<ConsoleStream> {
    return new ConsoleStream(path, await open(path, 'r'));
  }

  /** The domain is gone: ends the stream after what is left in the log. */
  finish(): void {
    this.#finished = true;
    void this.#readMore();
  }

  override _read(): void {
    this.#wanted = true;
    void this.#readMore();
  }

  override _write(_chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#watcher.close();
    this.#file.close().then(() => done(error), done);
  }

  /** Reads one chunk if the reader wants one; `_read` asks for the next. */
  async #readMore(): Promise<void> {
    if (!this.#wanted || this.#reading || this.destroyed) return;
    this.#reading = true;
    try {
      const { bytesRead, buffer } = await this.#file.read(Buffer.alloc(CHUNK), 0, CHUNK, this.#position);
      this.#reading = false;
      this.#position += bytesRead;
      if (bytesRead > 0) {
        this.#wanted = false;
        this.push(buffer.subarray(0, bytesRead));
      } else if (this.#finished) this.push(null);
    } catch (thrown) {
      this.#reading = false;
      this.destroy(thrown as Error);
    }
  }
}
