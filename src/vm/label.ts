import { printable, QubesInvalidLabelError, QubesInvalidLabelValueError } from '../base/errors.ts';
import type { Stored } from '../base/transaction.ts';
import { Referrers } from '../property/holder.ts';
import { element, type XmlNode } from '../xml/node.ts';

/** A colour with a name, by which people tell domains apart. */
export class Label implements Stored<XmlNode> {
  /** 1 to 8 are Qubes' own; user-made ones come after. */
  readonly index: number;
  readonly name: string;
  /** `0xrrggbb`. */
  readonly color: string;
  /** Domains that carry it. */
  readonly referrers = new Referrers();
  /** Set when the label has been removed. */
  removed = false;

  constructor(index: number, name: string, color: string) {
    this.index = index;
    this.name = name;
    this.color = color;
  }

  get storeKey(): string {
    return `label/${this.name}`;
  }

  record(): XmlNode | null {
    return this.removed
      ? null
      : element('label', { id: `label-${this.index}`, color: this.color }, this.name);
  }
}

/** The labels every Qubes system has (index, name and colour are known to its clients). */
export const BUILT_IN_LABELS: readonly (readonly [index: number, name: string, color: string])[] = [
  [1, 'red', '0xcc0000'],
  [2, 'orange', '0xf57900'],
  [3, 'yellow', '0xedd400'],
  [4, 'green', '0x73d216'],
  [5, 'gray', '0x555753'],
  [6, 'blue', '0x3465a4'],
  [7, 'purple', '0x75507b'],
  [8, 'black', '0x000000'],
];

/** A label name fit to use, or QubesInvalidLabelError. */
export function checkedLabelName(untrustedName: string): string {
  if (!/^[a-zA-Z0-9_.-]{1,64}$/.test(untrustedName))
    throw new QubesInvalidLabelError(
      `Invalid label name '${printable(untrustedName)}': letters, digits, '_', '.' and '-' only`,
    );
  return untrustedName;
}

/** A colour in canonical form, or QubesInvalidLabelValueError. */
export function checkedLabelColor(untrustedColor: string): string {
  if (!/^0x[0-9a-fA-F]{6}$/.test(untrustedColor))
    throw new QubesInvalidLabelValueError(
      `Invalid label colour '${printable(untrustedColor)}': it must be six hexadecimal digits after 0x`,
    );
  return untrustedColor.toLowerCase();
}
