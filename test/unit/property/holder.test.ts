import { beforeEach, expect, test } from 'vitest';
import type { EventArguments } from '../../../src/base/emitter.ts';
import {
  QubesNoSuchPropertyError,
  QubesPropertyValueError,
  QubesValueError,
} from '../../../src/base/errors.ts';
import { Transaction } from '../../../src/base/transaction.ts';
import {
  boolean,
  integer,
  type PropertyTable,
  propertyTable,
  reference,
  text,
} from '../../../src/property/descriptor.ts';
import { type Change, PropertyHolder, Referrers } from '../../../src/property/holder.ts';
import type { XmlNode } from '../../../src/xml/node.ts';
import { writeXml } from '../../../src/xml/writer.ts';

const doc = 'For tests.';

const isbn = text<Book>('isbn', { doc, settable: 'once' });
const pages = integer<Book>('pages', {
  doc,
  default: (book) => (book.value(lent) ? 1 : 100),
  check(book, value) {
    if (value < 10 && !book.value(lent)) throw new QubesValueError('too thin to keep');
  },
});
const lent = boolean<Book>('lent', { doc, default: () => false });
const weight = integer<Book>('weight', { doc, settable: 'never', default: (book) => book.value(pages) * 2 });
const sequel = reference<Book, Book>('sequel', 'vm', {
  doc,
  optional: true,
  resolve: (book, name) => book.other(name),
});
const genre = reference<Book, Book>('genre', 'label', { doc, resolve: (book, name) => book.other(name) });

/** A holder with a property of each kind. */
class Book extends PropertyHolder {
  readonly name: string;
  readonly referrers = new Referrers();
  readonly heard: string[] = [];
  readonly values: EventArguments[] = [];
  objection: string | undefined;

  constructor(name: string) {
    super();
    this.name = name;
  }

  get properties(): PropertyTable<never> {
    return propertyTable<never>(new Map(), isbn, pages, lent, weight, sequel, genre);
  }

  get storeKey(): string {
    return `book/${this.name}`;
  }

  get description(): string {
    return `book ${this.name}`;
  }

  record(): XmlNode {
    return this.propertiesNode();
  }

  other(untrustedName: string): Book {
    const found = shelf.find(({ name }) => name === untrustedName);
    if (!found) throw new QubesValueError(`no book ${untrustedName}`);
    return found;
  }

  leave(change: Change): void {
    this.releaseReferences(change);
  }

  load(value: string): void {
    this.restore(isbn, value);
  }

  protected ask(event: string, values: EventArguments): void {
    if (event === this.objection) throw new QubesValueError('I object');
    this.hear(event, values);
  }

  protected announce(event: string, values: EventArguments): void {
    this.hear(event, values);
  }

  private hear(event: string, values: EventArguments): void {
    this.heard.push(event);
    this.values.push(values);
  }
}

let shelf: Book[];
let emma: Book;
let persuasion: Book;
let change: Change;

beforeEach(() => {
  emma = new Book('emma');
  persuasion = new Book('persuasion');
  shelf = [emma, persuasion];
  change = new Transaction<XmlNode>();
});

test('a value is the given one, else the default, else null', () => {
  expect(emma.value(pages)).toBe(100);
  expect(emma.isDefault(pages)).toBe(true);
  emma.set(change, pages, 300);
  expect(emma.value(pages)).toBe(300);
  expect(emma.isDefault(pages)).toBe(false);
  expect(emma.defaultOf(pages)).toBe(100);
  expect(emma.value(isbn)).toBeNull();
});

test('a default follows what it depends on', () => {
  emma.set(change, lent, true);
  expect(emma.value(pages)).toBe(1);
  expect(emma.value(weight)).toBe(2);
});

test('a value that equals the default is still a given one', () => {
  emma.set(change, pages, 100);
  expect(emma.isDefault(pages)).toBe(false);
});

test('null can be given, and is not the same as none', () => {
  emma.set(change, sequel, null);
  expect(emma.isDefault(sequel)).toBe(false);
  expect(emma.value(sequel)).toBeNull();
});

test('handlers are asked before, and told only when the change is durable', () => {
  emma.set(change, pages, 300);
  expect(emma.heard).toEqual(['property-pre-set:pages']);
  change.announce();
  expect(emma.heard).toEqual(['property-pre-set:pages', 'property-set:pages']);
  const values = { name: 'pages', newvalue: 300, oldvalue: 100 };
  expect(emma.values).toEqual([values, values]);
});

test('there is no old value in events when there was none', () => {
  emma.set(change, sequel, persuasion);
  expect(emma.values).toEqual([{ name: 'sequel', newvalue: persuasion }]);
});

test('a handler that objects leaves everything as it was', () => {
  emma.objection = 'property-pre-set:pages';
  expect(() => emma.set(change, pages, 300)).toThrow('I object');
  expect(emma.isDefault(pages)).toBe(true);
  expect([...change.touched]).toEqual([]);
  change.announce();
  expect(emma.heard).toEqual([]);
});

test("a value is checked against the others before anybody's asked", () => {
  expect(() => emma.set(change, pages, 5)).toThrow('too thin to keep');
  expect(emma.heard).toEqual([]);
  emma.set(change, lent, true);
  emma.set(change, pages, 5);
  expect(emma.value(pages)).toBe(5);
});

test('text is parsed by the property', () => {
  emma.setText(change, emma.property('pages'), '12');
  emma.setText(change, emma.property('sequel'), 'persuasion');
  expect(emma.value(pages)).toBe(12);
  expect(emma.value(sequel)).toBe(persuasion);
  expect(() => emma.setText(change, pages, 'many')).toThrow(QubesPropertyValueError);
  expect(() => emma.setText(change, sequel, 'dracula')).toThrow('no book dracula');
  expect(emma.value(pages)).toBe(12);
});

test('an unknown property is an error that says whose', () => {
  expect(() => emma.property('colour')).toThrow(new QubesNoSuchPropertyError('book emma', 'colour'));
});

test('what is computed cannot be set, by value, text or reset', () => {
  const message = "Invalid value for property 'weight': '1': it is computed and cannot be set";
  expect(() => emma.set(change, weight, 1)).toThrow(message);
  expect(() => emma.setText(change, weight, '1')).toThrow(message);
  expect(() => emma.reset(change, weight)).toThrow(QubesPropertyValueError);
});

test('what is set once stays', () => {
  emma.set(change, isbn, '123');
  const message = "Property 'isbn' of book emma cannot be changed once it has a value";
  expect(() => emma.set(change, isbn, '456')).toThrow(message);
  expect(() => emma.setText(change, isbn, '123')).toThrow(message);
  expect(() => emma.reset(change, isbn)).toThrow(message);
  expect(emma.value(isbn)).toBe('123');
});

test('reset goes back to the default, with its own events', () => {
  emma.set(change, pages, 300);
  emma.heard.length = 0;
  emma.values.length = 0;
  const next = new Transaction<XmlNode>();
  emma.reset(next, pages);
  expect(emma.isDefault(pages)).toBe(true);
  next.announce();
  expect(emma.heard).toEqual(['property-pre-reset:pages', 'property-reset:pages']);
  expect(emma.values[1]).toEqual({ name: 'pages', oldvalue: 300 });
});

test('there is no reset where there is no default', () => {
  expect(() => emma.reset(change, sequel)).toThrow(
    "Property 'sequel' of book emma has no default to go back to",
  );
});

test('a reset that somebody objects to does not happen', () => {
  emma.set(change, pages, 300);
  emma.objection = 'property-pre-reset:pages';
  expect(() => emma.reset(change, pages)).toThrow('I object');
  expect(emma.value(pages)).toBe(300);
});

test('what changed is stored, and taken back in order when storing fails', () => {
  emma.set(change, pages, 300);
  emma.set(change, pages, 400);
  emma.set(change, lent, true);
  expect([...change.touched]).toEqual([emma]);
  change.undo();
  expect(emma.isDefault(pages)).toBe(true);
  expect(emma.isDefault(lent)).toBe(true);
});

test('what is pointed at knows by whom and with which property', () => {
  emma.set(change, sequel, persuasion);
  emma.set(change, genre, persuasion);
  expect([...persuasion.referrers.entries()]).toEqual([[emma, new Set(['sequel', 'genre'])]]);
  expect(persuasion.referrers.by('sequel')).toEqual([emma]);
  expect(persuasion.referrers.by('pages')).toEqual([]);
});

test('pointing elsewhere, or undoing, keeps both sides in step', () => {
  emma.set(change, sequel, persuasion);
  const next = new Transaction<XmlNode>();
  emma.set(next, sequel, emma);
  expect([...persuasion.referrers.entries()]).toEqual([]);
  expect(emma.referrers.by('sequel')).toEqual([emma]);
  next.undo();
  expect(persuasion.referrers.by('sequel')).toEqual([emma]);
  change.undo();
  expect([...persuasion.referrers.entries()]).toEqual([]);
});

test('an object that leaves is no referrer of anything, its label included; undone, it does again', () => {
  emma.set(change, sequel, persuasion);
  emma.set(change, genre, persuasion);
  const leaving = new Transaction<XmlNode>();
  emma.leave(leaving);
  expect([...persuasion.referrers.entries()]).toEqual([]);
  expect(emma.value(sequel)).toBe(persuasion);
  leaving.undo();
  expect([...persuasion.referrers.entries()]).toEqual([[emma, new Set(['sequel', 'genre'])]]);
});

test('given values are stored in the order of the declarations, defaults are not', () => {
  emma.set(change, sequel, persuasion);
  emma.set(change, pages, 300);
  expect(writeXml(emma.record()).replace(/\s*\n\s*/g, '')).toContain(
    '<properties><property name="pages">300</property><property name="sequel">persuasion</property></properties>',
  );
});

test('a stored value is put in place silently, even one that is set once', () => {
  emma.load('1');
  emma.load('2');
  expect(emma.value(isbn)).toBe('2');
  expect(emma.heard).toEqual([]);
});
