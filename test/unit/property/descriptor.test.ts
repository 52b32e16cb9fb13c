import { expect, test } from 'vitest';
import { QubesPropertyValueError, QubesValueError } from '../../../src/base/errors.ts';
import {
  boolean,
  integer,
  type Named,
  type Property,
  propertyTable,
  reference,
  text,
} from '../../../src/property/descriptor.ts';

interface Shelf {
  readonly books: readonly Named[];
}

const shelf: Shelf = { books: [{ name: 'red' }, { name: 'blue' }] };

function find(owner: Shelf, untrustedName: string): Named {
  const found = owner.books.find(({ name }) => name === untrustedName);
  if (!found) throw new QubesValueError(`no book ${untrustedName}`);
  return found;
}

/** What a client gets back for what it sent. */
function through<Value>(property: Property<Shelf, Value>, sent: string): string {
  return property.format(property.parse(shelf, sent));
}

const doc = 'For tests.';

test('a property can be set at any time and is cloned, unless it says otherwise', () => {
  expect(text<Shelf>('title', { doc })).toMatchObject({
    name: 'title',
    type: 'str',
    doc,
    settable: 'always',
    cloned: true,
  });
  expect(text<Shelf>('title', { doc, settable: 'once' })).toMatchObject({ settable: 'once', cloned: false });
  expect(text<Shelf>('title', { doc, settable: 'never', cloned: false })).toMatchObject({ cloned: false });
});

test('text is kept as it is, or as its rule makes it', () => {
  expect(through(text<Shelf>('title', { doc }), ' A title ')).toBe(' A title ');
  const lower = text<Shelf>('title', { doc, normalise: (untrusted) => untrusted.toLowerCase() });
  expect(through(lower, 'LOUD')).toBe('loud');
  expect(text<Shelf, string | null>('title', { doc }).format(null)).toBe('');
});

test.each(['a\nb', 'a\0', 'é', '\x7f', '\t'])('text is one line of printable ASCII: %j is not', (sent) => {
  const property = text<Shelf>('title', { doc });
  expect(() => property.parse(shelf, sent)).toThrow(QubesPropertyValueError);
});

test.each([
  ['0', '0'],
  ['42', '42'],
  ['007', '7'],
  [' 5 ', '5'],
  ['+5', '5'],
  ['-0', '0'],
  ['9007199254740991', '9007199254740991'],
])('integer %j is sent back as %j', (sent, back) =>
  expect(through(integer<Shelf>('pages', { doc }), sent)).toBe(back),
);

test.each(['', ' ', 'x', '1.5', '1e3', '0x10', '1_000', '--1', '٣', 'None', '1 2', '99999999999999999'])(
  'integer %j is refused',
  (sent) => {
    const refused = () => integer<Shelf>('pages', { doc }).parse(shelf, sent);
    expect(refused).toThrow(QubesPropertyValueError);
    expect(refused).toThrow(/^Invalid value for property 'pages': '.*': it must be a whole number$/);
  },
);

test('bounds of an integer are part of it', () => {
  const property = integer<Shelf>('pages', { doc, min: 2, max: 4 });
  expect(['2', '4'].map((sent) => through(property, sent))).toEqual(['2', '4']);
  for (const sent of ['1', '5', '-3'])
    expect(() => property.parse(shelf, sent)).toThrow(`'${sent}': it must be from 2 to 4`);
  expect(() => integer<Shelf>('pages', { doc }).parse(shelf, '-1')).toThrow("'-1': it must be at least 0");
  expect(() => integer<Shelf>('pages', { doc }).parse(shelf, '9007199254740992')).toThrow(
    QubesPropertyValueError,
  );
});

test('an absent integer is sent as nothing', () => {
  expect(integer<Shelf, number | null>('pages', { doc }).format(null)).toBe('');
});

test.each([
  ...['1', 'yes', 'true', 'on', 'True', 'YES'].map((sent) => [sent, 'True']),
  ...['0', 'no', 'false', 'off', 'False', 'Off'].map((sent) => [sent, 'False']),
])('boolean %j is %s', (sent, back) => expect(through(boolean<Shelf>('lent', { doc }), sent)).toBe(back));

test.each(['', '2', 'y', 'True ', 'None'])('boolean %j is refused', (sent) => {
  expect(() => boolean<Shelf>('lent', { doc }).parse(shelf, sent)).toThrow(
    `Invalid value for property 'lent': '${sent}': it must be True or False`,
  );
});

test('a reference is found by name and sent as one', () => {
  const property = reference<Shelf, Named>('next', 'vm', { doc, resolve: find });
  expect(property.type).toBe('vm');
  expect(property.parse(shelf, 'blue')).toBe(shelf.books[1]);
  expect(through(property, 'blue')).toBe('blue');
  expect(() => property.parse(shelf, 'green')).toThrow('no book green');
});

test('only an optional reference can be none', () => {
  const property = reference<Shelf, Named>('next', 'label', { doc, resolve: find, optional: true });
  for (const sent of ['', 'None']) expect(property.parse(shelf, sent)).toBeNull();
  expect(through(property, 'None')).toBe('');
  const needed = (type: 'vm' | 'label') => reference<Shelf, Named>('next', type, { doc, resolve: find });
  expect(() => needed('vm').parse(shelf, '')).toThrow("property 'next': '': it must name a domain");
  expect(() => needed('label').parse(shelf, 'None')).toThrow("property 'next': 'None': it must name a label");
});

test('a refused value is shown fit to print', () => {
  expect(() => integer<Shelf>('pages', { doc }).parse(shelf, '\x1b[2J')).toThrow("'\\x1b[2J'");
});

test("a class has its parent's properties first and may replace them", () => {
  const title = text<Shelf>('title', { doc });
  const pages = integer<Shelf>('pages', { doc });
  const pagesOfChild = integer<Shelf>('pages', { doc, max: 10 });
  const parent = propertyTable<Shelf>(new Map(), title, pages as Property<Shelf, unknown>);
  const child = propertyTable<Shelf>(parent, boolean<Shelf>('lent', { doc }) as never, pagesOfChild as never);
  expect([...child.keys()]).toEqual(['title', 'pages', 'lent']);
  expect(child.get('pages')).toBe(pagesOfChild);
  expect(parent.get('pages')).toBe(pages);
});
