import { printable, QubesValueError } from '../base/errors.ts';
import { forbiddenCharacter, isXmlName, maximumDepth } from './characters.ts';
import type { XmlNode } from './node.ts';

export interface WriteOptions {
  /**
   * Put on a line of their own, deeper by this per level, the children of every element that holds no text.
   * Without it nothing is added, and `parseXml` gives back the same tree.
   */
  readonly indent?: string;
}

/**
 * The node as XML text, without a declaration.
 *
 * @throws QubesValueError when the node has a name or a character XML 1.0 cannot hold, or is nested too deep;
 *   the message says where and which value.
 */
export function writeXml(node: XmlNode, { indent }: WriteOptions = {}): string {
  return write(node, indent, 0);
}

function write(node: XmlNode, indent: string | undefined, depth: number): string {
  if (depth >= maximumDepth)
    throw new QubesValueError(`XML more than ${maximumDepth} elements deep at <${node.name}>`);
  if (!isXmlName(node.name)) throw new QubesValueError(`XML element name refused: '${printable(node.name)}'`);
  const begin = `<${node.name}${writeAttributes(node)}`;
  const content = node.children.filter((child) => child !== '');
  if (content.length === 0) return `${begin}/>`;

  const onLines = indent !== undefined && content.every((child) => typeof child !== 'string');
  const before = onLines ? `\n${indent.repeat(depth + 1)}` : '';
  const after = onLines ? `\n${indent.repeat(depth)}` : '';
  let inside = '';
  for (const child of content) {
    inside += before + (typeof child === 'string' ? writeText(child, node) : write(child, indent, depth + 1));
  }
  return `${begin}>${inside}${after}</${node.name}>`;
}

function writeAttributes(node: XmlNode): string {
  let text = '';
  for (const [name, value] of node.attributes) {
    if (!isXmlName(name))
      throw new QubesValueError(`XML attribute name refused: '${printable(name)}' of <${node.name}>`);
    refuseForbidden(value, `attribute ${name} of <${node.name}>`);
    text += ` ${name}="${/[&<>"\t\n\r]/.test(value) ? value.replace(/[&<>"\t\n\r]/g, escapeCharacter) : value}"`;
  }
  return text;
}

function writeText(text: string, parent: XmlNode): string {
  refuseForbidden(text, `the text of <${parent.name}>`);
  // Every `>` is escaped, so that `]]>` cannot arise, not even across two pieces of text.
  return /[&<>\r]/.test(text) ? text.replace(/[&<>\r]/g, escapeCharacter) : text;
}

/** Line breaks and tabs become references where a reader would turn them into something else. */
function escapeCharacter(character: string): string {
  switch (character) {
    case '&':
      return '&amp;';
    case '<':
      return '&lt;';
    case '>':
      return '&gt;';
    case '"':
      return '&quot;';
    default:
      return `&#${character.charCodeAt(0)};`;
  }
}

function refuseForbidden(value: string, where: string): void {
  if (!forbiddenCharacter.test(value)) return;
  throw new QubesValueError(`XML cannot hold a character of ${where}: '${printable(value)}'`);
}
