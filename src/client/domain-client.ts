import type { AdminClient } from './admin-client.ts';
import { PropertiesClient } from './properties-client.ts';

/** One domain over the Admin API. Each method is one request; errors are the daemon's. */
export class DomainClient {
  readonly name: string;
  readonly properties: PropertiesClient;
  readonly #client: AdminClient;

  constructor(client: AdminClient, name: string) {
    this.name = name;
    this.#client = client;
    this.properties = new PropertiesClient(client, 'admin.vm.property.', name);
  }

  start = () => this.#do('admin.vm.Start');
  kill = () => this.#do('admin.vm.Kill');
  pause = () => this.#do('admin.vm.Pause');
  unpause = () => this.#do('admin.vm.Unpause');
  suspend = () => this.#do('admin.vm.Suspend');
  resume = () => this.#do('admin.vm.Resume');
  remove = () => this.#do('admin.vm.Remove');

  /** `force`: although others use it. `wait`: resolve only when it is halted. */
  shutdown({ force = false, wait = false } = {}): Promise<void> {
    const words = [force && 'force', wait && 'wait'].filter((word) => word !== false);
    return this.#do('admin.vm.Shutdown', words.join('+'));
  }

  /** `power_state`, `mem` (KiB), `mem_static_max`, `cputime` as the daemon says them. */
  async state(): Promise<Record<string, string>> {
    const words = (await this.#client.text('admin.vm.CurrentState', this.name)).trim().split(/\s+/);
    return Object.fromEntries(words.map((word) => splitOnce(word)));
  }

  features(): Promise<string[]> {
    return this.#client.lines('admin.vm.feature.List', this.name);
  }
  feature(name: string): Promise<string> {
    return this.#client.text('admin.vm.feature.Get', this.name, name);
  }
  setFeature = (name: string, value: string) => this.#do('admin.vm.feature.Set', name, value);
  removeFeature = (name: string) => this.#do('admin.vm.feature.Remove', name);

  tags(): Promise<string[]> {
    return this.#client.lines('admin.vm.tag.List', this.name);
  }
  addTag = (tag: string) => this.#do('admin.vm.tag.Set', tag);
  removeTag = (tag: string) => this.#do('admin.vm.tag.Remove', tag);

  notes(): Promise<string> {
    return this.#client.text('admin.vm.notes.Get', this.name);
  }
  setNotes = (notes: string) => this.#do('admin.vm.notes.Set', '', notes);

  volumes(): Promise<string[]> {
    return this.#client.lines('admin.vm.volume.List', this.name);
  }

  /** `pool`, `vid`, `size`, `usage`, `rw`, `save_on_stop`, … as the daemon says them. */
  async volume(name: string): Promise<Record<string, string>> {
    const lines = await this.#client.lines('admin.vm.volume.Info', this.name, name);
    return Object.fromEntries(lines.map((line) => splitOnce(line)));
  }

  /** Replaces what the volume holds with what the same volume of `source` holds. */
  async cloneVolumeFrom(source: DomainClient, name: string): Promise<void> {
    const token = await this.#client.call('admin.vm.volume.CloneFrom', source.name, name);
    await this.#client.call('admin.vm.volume.CloneTo', this.name, name, token);
  }

  async #do(method: string, arg = '', payload = ''): Promise<void> {
    await this.#client.call(method, this.name, arg, payload);
  }
}

function splitOnce(word: string): [string, string] {
  const at = word.indexOf('=');
  return at < 0 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)];
}
