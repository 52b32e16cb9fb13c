/** Something that is kept in durable state under a key. `record()` is its present form. */
export interface Stored<Node> {
  readonly storeKey: string;
  /** The node to store, or null when there is nothing (any more). */
  record(): Node | null;
}

/**
 * A set of changes to memory that become durable together or are taken back together. The owner of the state
 * (`Qubes.change`) makes it, stores what it touched, and then either announces or undoes.
 */
export class Transaction<Node> {
  readonly #touched = new Map<string, Stored<Node>>();
  readonly #undo: (() => void)[] = [];
  readonly #announcements: (() => void)[] = [];

  /** `item` has changed and must be stored. */
  touch(item: Stored<Node>): void {
    this.#touched.set(item.storeKey, item);
  }

  /** How to take back, in memory, what was just done. */
  onUndo(undo: () => void): void {
    this.#undo.push(undo);
  }

  /** What to tell once the change is durable. */
  onCommitted(announce: () => void): void {
    this.#announcements.push(announce);
  }

  get touched(): Iterable<Stored<Node>> {
    return this.#touched.values();
  }

  /** Takes everything back, last first. Does nothing the second time. */
  undo(): void {
    for (const undo of this.#undo.splice(0).reverse()) undo();
  }

  announce(): void {
    for (const announce of this.#announcements.splice(0)) announce();
  }
}
