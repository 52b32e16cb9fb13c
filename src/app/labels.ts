import {
  QubesException,
  QubesLabelInUseError,
  QubesLabelNotFoundError,
  QubesValueError,
} from '../base/errors.ts';
import type { Change } from '../property/holder.ts';
import { BUILT_IN_LABELS, checkedLabelColor, checkedLabelName, Label } from '../vm/label.ts';
import type { XmlNode } from '../xml/node.ts';

const LAST_BUILT_IN = BUILT_IN_LABELS.length;

/** The labels there are: Qubes' eight, and the user's own. */
export class Labels implements Iterable<Label> {
  readonly #byName = new Map<string, Label>();

  [Symbol.iterator](): Iterator<Label> {
    return this.#byName.values();
  }

  /** By name, index or `label-INDEX`. Throws QubesLabelNotFoundError. */
  get(untrustedName: string): Label {
    const label = this.#byName.get(untrustedName) ?? this.#byIndex(untrustedName);
    if (!label) throw new QubesLabelNotFoundError(untrustedName);
    return label;
  }

  /** Makes the built-in ones, on a new system. */
  createBuiltIn(change: Change): void {
    for (const [index, name, color] of BUILT_IN_LABELS) this.#add(change, new Label(index, name, color));
  }

  /** Announces nothing (as on Qubes). Throws QubesValueError when the name is taken. */
  create(change: Change, untrustedName: string, untrustedColor: string): Label {
    const name = checkedLabelName(untrustedName);
    if (this.#byName.has(name)) throw new QubesValueError(`A label named '${name}' exists already`);
    const label = new Label(this.#freeIndex(), name, checkedLabelColor(untrustedColor));
    this.#add(change, label);
    return label;
  }

  /** Throws QubesLabelInUseError for one that a domain carries, and for the built-in ones. */
  remove(change: Change, untrustedName: string): void {
    const label = this.get(untrustedName);
    if (label.index <= LAST_BUILT_IN)
      throw new QubesException(`Label '${label.name}' is built in and cannot be removed`);
    const used = label.referrers.by('label');
    if (used.length > 0)
      throw new QubesLabelInUseError(
        `Label '${label.name}' is used by ${used.map((holder) => holder.description).join(', ')}`,
      );
    this.#byName.delete(label.name);
    label.removed = true;
    change.touch(label);
    change.onUndo(() => {
      label.removed = false;
      this.#byName.set(label.name, label);
    });
  }

  /** Reads a stored label. Throws on one that is none. */
  restore(untrustedNode: XmlNode): void {
    const index = Number(/^label-(\d{1,9})$/.exec(untrustedNode.attribute('id') ?? '')?.[1] ?? Number.NaN);
    if (!Number.isInteger(index))
      throw new QubesValueError('A stored label has no id of the form label-NUMBER');
    const name = checkedLabelName(untrustedNode.text);
    this.#byName.set(name, new Label(index, name, checkedLabelColor(untrustedNode.attribute('color') ?? '')));
  }

  /** Puts built-in ones whose records could not be read in place, for now: the host and others carry them. */
  restoreBuiltIn(): void {
    for (const [index, name, color] of BUILT_IN_LABELS)
      if (!this.#byName.has(name)) this.#byName.set(name, new Label(index, name, color));
  }

  #add(change: Change, label: Label): void {
    this.#byName.set(label.name, label);
    change.touch(label);
    change.onUndo(() => this.#byName.delete(label.name));
  }

  #byIndex(untrustedName: string): Label | undefined {
    const index = /^(?:label-)?(\d{1,9})$/.exec(untrustedName)?.[1];
    return index === undefined
      ? undefined
      : [...this.#byName.values()].find((label) => label.index === Number(index));
  }

  #freeIndex(): number {
    return Math.max(LAST_BUILT_IN, ...[...this.#byName.values()].map((label) => label.index)) + 1;
  }
}
