/** An XML element with its attributes and children. The only way XML is made or read in this system. */
export class XmlNode {
  readonly name: string;
  readonly attributes: Map<string, string>;
  readonly children: (XmlNode | string)[];

  constructor(
    name: string,
    attributes: Iterable<readonly [string, string]> = [],
    children: Iterable<XmlNode | string> = [],
  ) {
    this.name = name;
    this.attributes = new Map(attributes);
    this.children = [...children];
  }

  /** The attribute's value, or undefined. */
  attribute(name: string): string | undefined {
    return this.attributes.get(name);
  }

  /** Child elements, of that name when given. */
  elements(name?: string): XmlNode[] {
    return this.children.filter(
      (child): child is XmlNode => child instanceof XmlNode && (!name || child.name === name),
    );
  }

  /** The first child element of that name, or undefined. */
  element(name: string): XmlNode | undefined {
    return this.elements(name)[0];
  }

  /** All text directly inside this element. */
  get text(): string {
    return this.children.filter((child) => typeof child === 'string').join('');
  }
}

/** Shorthand: `element('tag', { name: 'work' }, 'text')`. Attributes that are undefined are left out. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | undefined>> = {},
  ...children: (XmlNode | string)[]
): XmlNode {
  const given = Object.entries(attributes).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return new XmlNode(name, given, children);
}
