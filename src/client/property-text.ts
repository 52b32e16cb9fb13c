import { ProtocolError, printable } from '../base/errors.ts';

/** How property values travel: `default=True type=vm sys-firewall`. Pure. Protocol facts: Qubes 4.4. */

export type PropertyType = 'str' | 'int' | 'bool' | 'vm' | 'label';

export interface PropertyValue {
  readonly type: PropertyType;
  readonly isDefault: boolean;
  /** As text; empty for no value (no netvm) and for a number without default. */
  readonly value: string;
}

const TYPES = new Set(['str', 'int', 'bool', 'vm', 'label']);
const VALUE = /^default=(True|False) type=([a-z]+) (.*)$/s;

/** One value as `property.Get` answers it. Throws ProtocolError when it is none. */
export function parsePropertyValue(untrustedText: string): PropertyValue {
  const [, isDefault, type = '', value = ''] = VALUE.exec(untrustedText) ?? [];
  if (!isDefault || !TYPES.has(type))
    throw new ProtocolError(`not a property value: '${printable(untrustedText)}'`);
  return { type: type as PropertyType, isDefault: isDefault === 'True', value };
}

/** Every value as `property.GetAll` answers them, one a line, in which backslash and newline are escaped. */
export function parseAllProperties(untrustedText: string): Map<string, PropertyValue> {
  const properties = new Map<string, PropertyValue>();
  for (const line of untrustedText.split('\n')) {
    if (line === '') continue;
    const space = line.indexOf(' ');
    if (space <= 0) throw new ProtocolError(`not a property: '${printable(line)}'`);
    const value = parsePropertyValue(line.slice(space + 1));
    properties.set(line.slice(0, space), { ...value, value: unescapeLine(value.value) });
  }
  return properties;
}

function unescapeLine(text: string): string {
  return text.replace(/\\([\\n])/g, (_, char) => (char === 'n' ? '\n' : '\\'));
}
