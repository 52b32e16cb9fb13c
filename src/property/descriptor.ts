import { printable, QubesPropertyValueError } from '../base/errors.ts';

/** Names of types on the wire (`type=` in `admin.vm.property.Get`). */
export type PropertyType = 'str' | 'int' | 'bool' | 'vm' | 'label';

/**
 * One property of a class of objects: its type, default and rules, but not its value. `Owner` is the kind of object
 * that has it. Immutable and shared by all objects of the class.
 */
export interface Property<Owner, Value> {
  /** The wire's name, snake_case. */
  readonly name: string;
  readonly type: PropertyType;
  /** One or two sentences for `admin.vm.property.Help`. */
  readonly doc: string;
  /** May it be given a value: at any time, once, or never (it is computed). */
  readonly settable: 'always' | 'once' | 'never';
  /** A clone of the object gets the value too. */
  readonly cloned: boolean;
  /** The value when none was given. Absent: it has none, and `get` gives null. May depend on other properties. */
  default?(owner: Owner): Value;
  /** From text as stored or sent. Throws QubesValueError. */
  parse(owner: Owner, untrustedText: string): Value;
  /** Checks a value about to be given, in the light of other properties. Throws QubesValueError. */
  check?(owner: Owner, value: Value): void;
  /** As sent and stored. */
  format(value: Value): string;
}

/** All properties of a class, by name. */
export type PropertyTable<Owner> = ReadonlyMap<string, Property<Owner, unknown>>;

/** What may be left out when a property is declared. */
export interface Options<Owner, Value> {
  readonly doc: string;
  default?(owner: Owner): Value;
  check?(owner: Owner, value: Value): void;
  readonly settable?: 'always' | 'once' | 'never';
  readonly cloned?: boolean;
}

function declare<Owner, Value>(
  name: string,
  type: PropertyType,
  options: Options<Owner, Value>,
  codec: Pick<Property<Owner, Value>, 'parse' | 'format'>,
): Property<Owner, Value> {
  return { name, type, settable: 'always', cloned: options.settable !== 'once', ...options, ...codec };
}

/** A line of printable ASCII. `normalise` puts it in canonical form or throws. Stored and sent as it is. */
export function text<Owner, Value extends string | null = string>(
  name: string,
  options: Options<Owner, Value> & { readonly normalise?: (untrustedText: string) => string },
): Property<Owner, Value> {
  return declare<Owner, Value>(name, 'str', options, {
    parse(_owner, untrustedText) {
      if (!/^[\x20-\x7e]*$/.test(untrustedText))
        throw refusal(name, untrustedText, 'it must be a line of printable ASCII');
      return (options.normalise?.(untrustedText) ?? untrustedText) as Value;
    },
    format: (value) => value ?? '',
  });
}

/** A whole number within bounds (both included). */
export function integer<Owner, Value extends number | null = number>(
  name: string,
  options: Options<Owner, Value> & { readonly min?: number; readonly max?: number },
): Property<Owner, Value> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = options;
  return declare<Owner, Value>(name, 'int', options, {
    parse(_owner, untrustedText) {
      const value = /^\s*[+-]?\d{1,16}\s*$/.test(untrustedText) ? Number(untrustedText) : Number.NaN;
      if (Number.isNaN(value)) throw refusal(name, untrustedText, 'it must be a whole number');
      if (value < min || value > max)
        throw refusal(
          name,
          untrustedText,
          `it must be ${max === Number.MAX_SAFE_INTEGER ? `at least ${min}` : `from ${min} to ${max}`}`,
        );
      return value as Value;
    },
    // An absent number is sent as nothing after the blank (wire-level fact of Qubes 4.4).
    format: (value) => (value === null ? '' : String(value)),
  });
}

const TRUE = new Set(['1', 'yes', 'true', 'on']);
const FALSE = new Set(['0', 'no', 'false', 'off']);

/** `True` or `False`; the words people type are understood in any case. */
export function boolean<Owner>(name: string, options: Options<Owner, boolean>): Property<Owner, boolean> {
  return declare(name, 'bool', options, {
    parse(_owner, untrustedText) {
      const word = untrustedText.toLowerCase();
      if (TRUE.has(word)) return true;
      if (FALSE.has(word)) return false;
      throw refusal(name, untrustedText, 'it must be True or False');
    },
    format: (value) => (value ? 'True' : 'False'),
  });
}

/** What a reference property points at: something with a name. */
export interface Named {
  readonly name: string;
}

/** Another object by its name, found by `resolve` (throws when there is none); null is sent and stored as empty. */
export function reference<Owner, Target extends Named, Value extends Target | null = Target | null>(
  name: string,
  type: 'vm' | 'label',
  options: Options<Owner, Value> & {
    readonly resolve: (owner: Owner, untrustedName: string) => Target;
    readonly optional?: boolean;
  },
): Property<Owner, Value> {
  return declare<Owner, Value>(name, type, options, {
    parse(owner, untrustedText) {
      if (untrustedText !== '' && untrustedText !== 'None')
        return options.resolve(owner, untrustedText) as never;
      if (!options.optional)
        throw refusal(name, untrustedText, `it must name a ${type === 'vm' ? 'domain' : type}`);
      return null as Value;
    },
    format: (value) => value?.name ?? '',
  });
}

/** The error for a value that a property does not take. */
export function refusal(property: string, untrustedValue: string, why: string): QubesPropertyValueError {
  return new QubesPropertyValueError(
    `Invalid value for property '${property}': '${printable(untrustedValue)}': ${why}`,
  );
}

/** Declares a class's properties; those of `parent` come first, and are replaced by ones of the same name. */
export function propertyTable<Owner>(
  parent: PropertyTable<Owner>,
  ...own: readonly Property<Owner, unknown>[]
): PropertyTable<Owner> {
  return new Map([...parent, ...own.map((property) => [property.name, property] as const)]);
}
