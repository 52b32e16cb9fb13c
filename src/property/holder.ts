import type { EventArguments } from '../base/emitter.ts';
import { QubesNoSuchPropertyError, QubesPropertyValueError, QubesValueError } from '../base/errors.ts';
import type { Stored, Transaction } from '../base/transaction.ts';
import { element, type XmlNode } from '../xml/node.ts';
import { type Property, type PropertyTable, refusal } from './descriptor.ts';

/** A transaction over stored XML nodes. */
export type Change = Transaction<XmlNode>;

/** Something that can be pointed at by a property of another object, and knows by whom. */
export interface Referable {
  readonly referrers: Referrers;
}

/** Who points at an object by an explicitly given value (never by a default). */
export class Referrers {
  readonly #by = new Map<PropertyHolder, Set<string>>();

  add(holder: PropertyHolder, property: string): void {
    const names = this.#by.get(holder) ?? new Set();
    this.#by.set(holder, names.add(property));
  }

  remove(holder: PropertyHolder, property: string): void {
    const names = this.#by.get(holder);
    names?.delete(property);
    if (names?.size === 0) this.#by.delete(holder);
  }

  /** Every holder with the names of its properties that point here. */
  entries(): IterableIterator<[PropertyHolder, ReadonlySet<string>]> {
    return this.#by.entries();
  }

  /** Holders that point here with that property. */
  by(property: string): PropertyHolder[] {
    return [...this.#by].filter(([, names]) => names.has(property)).map(([holder]) => holder);
  }
}

/**
 * An object with typed properties: values that were given, defaults for the rest. Values change only within a
 * {@link Change}; events `property-pre-set:NAME`, `property-set:NAME`, `property-pre-reset:NAME` and
 * `property-reset:NAME` are fired before (may refuse) and after (when durable).
 */
export abstract class PropertyHolder implements Stored<XmlNode> {
  readonly #values = new Map<string, unknown>();

  /** All properties of the object's class. */
  abstract get properties(): PropertyTable<never>;
  abstract readonly storeKey: string;
  abstract record(): XmlNode | null;
  /** For messages: `domain work`, `the system`. */
  abstract get description(): string;

  protected abstract ask(event: string, values: EventArguments): void;
  protected abstract announce(event: string, values: EventArguments): void;

  /** The value: the given one, else the default, else null. */
  value<Value>(property: Property<never, Value>): Value {
    const given = this.#values.get(property.name);
    return given === undefined ? this.defaultOf(property) : (given as Value);
  }

  /** What the value would be had none been given; null when there is no default. */
  defaultOf<Value>(property: Property<never, Value>): Value {
    return property.default?.(this as never) ?? (null as Value);
  }

  isDefault(property: Property<never, unknown>): boolean {
    return !this.#values.has(property.name);
  }

  /** The declaration by its untrusted name. Throws QubesNoSuchPropertyError. */
  property(untrustedName: string): Property<never, unknown> {
    const found = this.properties.get(untrustedName);
    if (!found) throw new QubesNoSuchPropertyError(this.description, untrustedName);
    return found;
  }

  /** Gives a value. Throws QubesValueError when the property does not take it or a handler forbids it. */
  set<Value>(change: Change, property: Property<never, Value>, value: Value): void {
    this.#mustBeSettable(property, property.format(value));
    const owner = this as never;
    property.check?.(owner, value);
    const old = this.#eventOldValue(property);
    this.ask(`property-pre-set:${property.name}`, { name: property.name, newvalue: value, ...old });
    this.#put(change, property, value);
    change.onCommitted(() =>
      this.announce(`property-set:${property.name}`, { name: property.name, newvalue: value, ...old }),
    );
  }

  /** The same from text, as stored or sent. */
  setText(change: Change, property: Property<never, unknown>, untrustedText: string): void {
    this.#mustBeSettable(property, untrustedText);
    this.set(change, property, property.parse(this as never, untrustedText));
  }

  /** Back to the default. Throws QubesValueError when there is none or a handler forbids it. */
  reset(change: Change, property: Property<never, unknown>): void {
    this.#mustBeSettable(property, '');
    if (!property.default)
      throw new QubesValueError(
        `Property '${property.name}' of ${this.description} has no default to go back to`,
      );
    const old = this.#eventOldValue(property);
    this.ask(`property-pre-reset:${property.name}`, { name: property.name, ...old });
    this.#put(change, property, undefined);
    change.onCommitted(() =>
      this.announce(`property-reset:${property.name}`, { name: property.name, ...old }),
    );
  }

  /** Puts a stored value in place without asking or announcing: for loading and for making a new object. */
  protected restore<Value>(property: Property<never, Value>, value: Value): void {
    this.#write(property, value);
  }

  /** Lets go of every object it points at, labels included: it is leaving the system. Its values stay readable. */
  protected releaseReferences(change: Change): void {
    for (const [name, value] of this.#values) {
      const target = referable(value);
      target?.referrers.remove(this, name);
      change.onUndo(() => target?.referrers.add(this, name));
    }
  }

  /** Given values as `<properties>`, in the order of the declarations. */
  protected propertiesNode(): XmlNode {
    const node = element('properties');
    for (const property of this.properties.values()) {
      const value = this.#values.get(property.name);
      if (value === undefined) continue;
      node.children.push(element('property', { name: property.name }, property.format(value as never)));
    }
    return node;
  }

  #mustBeSettable(property: Property<never, unknown>, untrustedText: string): void {
    if (property.settable === 'never')
      throw refusal(property.name, untrustedText, 'it is computed and cannot be set');
    if (property.settable === 'once' && this.#values.has(property.name))
      throw new QubesPropertyValueError(
        `Property '${property.name}' of ${this.description} cannot be changed once it has a value`,
      );
  }

  /** Events carry the old value only when there was one (as on Qubes). */
  #eventOldValue(property: Property<never, unknown>): EventArguments {
    const oldvalue = this.value(property);
    return oldvalue === null ? {} : { oldvalue };
  }

  #put(change: Change, property: Property<never, unknown>, value: unknown): void {
    const before = this.#values.get(property.name);
    this.#write(property, value);
    change.touch(this);
    change.onUndo(() => this.#write(property, before));
  }

  /** The only place a value changes; keeps the other side of references in step. */
  #write(property: Property<never, unknown>, value: unknown): void {
    referable(this.#values.get(property.name))?.referrers.remove(this, property.name);
    if (value === undefined) this.#values.delete(property.name);
    else this.#values.set(property.name, value);
    referable(value)?.referrers.add(this, property.name);
  }
}

function referable(value: unknown): Referable | undefined {
  return typeof value === 'object' && value !== null && 'referrers' in value
    ? (value as Referable)
    : undefined;
}
