import type { AdminClient } from './admin-client.ts';
import { type PropertyValue, parseAllProperties, parsePropertyValue } from './property-text.ts';

/** The properties of the system or of one domain, over the Admin API. Names and values are checked by the daemon. */
export class PropertiesClient {
  readonly #client: AdminClient;
  readonly #prefix: string;
  readonly #dest: string;

  constructor(client: AdminClient, methodPrefix: string, dest: string) {
    this.#client = client;
    this.#prefix = methodPrefix;
    this.#dest = dest;
  }

  list(): Promise<string[]> {
    return this.#client.lines(`${this.#prefix}List`, this.#dest);
  }

  async get(name: string): Promise<PropertyValue> {
    return parsePropertyValue(await this.#client.text(`${this.#prefix}Get`, this.#dest, name));
  }

  async getAll(): Promise<Map<string, PropertyValue>> {
    return parseAllProperties(await this.#client.text(`${this.#prefix}GetAll`, this.#dest));
  }

  /** Empty text stands for none. */
  async set(name: string, value: string): Promise<void> {
    await this.#client.call(`${this.#prefix}Set`, this.#dest, name, value);
  }

  /** Back to the default. */
  async reset(name: string): Promise<void> {
    await this.#client.call(`${this.#prefix}Reset`, this.#dest, name);
  }

  /** One sentence on what the property means. */
  help(name: string): Promise<string> {
    return this.#client.text(`${this.#prefix}Help`, this.#dest, name);
  }
}
