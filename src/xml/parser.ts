import { SaxesParser, type SaxesTagPlain } from 'saxes';
import { messageOf, printable, QubesValueError } from '../base/errors.ts';
import { isXmlName, maximumDepth } from './characters.ts';
import { XmlNode } from './node.ts';

/** The text is not a document this system reads. `line` counts from 1, `column` from 0. */
export class XmlSyntaxError extends QubesValueError {
  // On the wire it travels under the name clients know.
  override readonly name: string = 'QubesValueError';
  readonly line: number;
  readonly column: number;

  constructor(problem: string, line: number, column: number) {
    super(`XML refused at line ${line}, column ${column}: ${problem}`);
    this.line = line;
    this.column = column;
  }
}

export interface ParseLimits {
  /** Longest text read, in UTF-16 units. */
  readonly maximumLength?: number;
}

/** A full system of 10,000 domains is about a third of this. */
const defaultMaximumLength = 64 * 1024 * 1024;

/** What is read in one step, in UTF-16 units. */
const PIECE = 128 * 1024;

/** Pieces that one tag, text or comment may fill: the parser's work on a tag with many attributes is not linear. */
const LONGEST_RUN = 16;

/**
 * The root element of a document.
 *
 * Read strictly: well-formed XML 1.0 in UTF-8, no document type (so no entities but XML's own five), no
 * processing instructions, sane names, bounded depth and length. Comments are dropped, CDATA is text, white space
 * is kept: `writeXml(parseXml(text))` gives `text` back when `writeXml` wrote it.
 *
 * @throws XmlSyntaxError for everything else.
 */
export function parseXml(untrustedText: string, limits: ParseLimits = {}): XmlNode {
  const steps = parseXmlInSteps(untrustedText, limits);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/**
 * The same for who must do something else now and then: yields after every piece of the text, some milliseconds of
 * work.
 */
export function* parseXmlInSteps(
  untrustedText: string,
  limits: ParseLimits = {},
): Generator<undefined, XmlNode> {
  const maximumLength = limits.maximumLength ?? defaultMaximumLength;
  if (untrustedText.length > maximumLength) {
    throw new XmlSyntaxError(`${untrustedText.length} characters, at most ${maximumLength} are read`, 1, 0);
  }
  if (!untrustedText.isWellFormed()) refuseSurrogate(untrustedText);
  const builder = new TreeBuilder();
  for (let at = 0; at < untrustedText.length; at += PIECE) {
    builder.add(untrustedText.slice(at, at + PIECE));
    yield;
  }
  return builder.finish();
}

/** The parser underneath lets some halves of surrogate pairs through. */
function refuseSurrogate(untrustedText: string): never {
  const before = untrustedText.slice(0, untrustedText.search(/\p{Surrogate}/u)).split('\n');
  throw new XmlSyntaxError('half a surrogate pair', before.length, before.at(-1)?.length ?? 0);
}

class TreeBuilder {
  readonly #parser = new SaxesParser();
  readonly #open: XmlNode[] = [];
  #root: XmlNode | undefined;
  /** Pieces since something was completed. */
  #run = 0;

  constructor() {
    this.#listen();
  }

  add(untrustedPiece: string): void {
    this.#run += 1;
    this.#explained(() => this.#parser.write(untrustedPiece));
    if (this.#run > LONGEST_RUN)
      throw this.#refusal(`a tag, text or comment of more than ${LONGEST_RUN * PIECE} characters`);
  }

  finish(): XmlNode {
    this.#explained(() => this.#parser.close());
    if (this.#root === undefined) throw this.#refusal('the document has no element');
    return this.#root;
  }

  #explained(parse: () => void): void {
    try {
      parse();
    } catch (error) {
      if (error instanceof XmlSyntaxError) throw error;
      // The parser's own message begins with the position, which ours has already.
      throw this.#refusal(messageOf(error).replace(/^[\d:]+ /, ''));
    }
  }

  /** Seven at most: an eighth makes the engine keep the parser's fields in a hash table, seven times slower. */
  #listen(): void {
    const parser = this.#parser;
    parser.on('xmldecl', ({ version, encoding }) => {
      if (version !== '1.0') throw this.#refusal(`XML version '${version}', only 1.0 is read`);
      if (encoding !== undefined && !/^(utf-?8|us-ascii|ascii)$/i.test(encoding)) {
        throw this.#refusal(`encoding '${encoding}', only UTF-8 is read`);
      }
    });
    parser.on('doctype', () => {
      throw this.#refusal('a document type is not allowed');
    });
    parser.on('processinginstruction', ({ target }) => {
      throw this.#refusal(`processing instruction '${target}' is not allowed`);
    });
    parser.on('opentag', (tag) => this.#begin(tag));
    parser.on('closetag', () => {
      this.#run = 0;
      this.#open.pop();
    });
    parser.on('text', (text) => this.#addText(text));
    parser.on('cdata', (text) => this.#addText(text));
  }

  #begin(tag: SaxesTagPlain): void {
    this.#run = 0;
    if (!isXmlName(tag.name)) throw this.#refusal(`element name '${tag.name}'`);
    if (this.#open.length >= maximumDepth) throw this.#refusal(`more than ${maximumDepth} elements deep`);
    const node = new XmlNode(tag.name);
    for (const name in tag.attributes) {
      if (!isXmlName(name)) throw this.#refusal(`attribute name '${name}'`);
      node.attributes.set(name, tag.attributes[name] ?? '');
    }
    const parent = this.#open.at(-1);
    if (parent === undefined) this.#root = node;
    else parent.children.push(node);
    this.#open.push(node);
  }

  /** Text around a comment or a CDATA section arrives in pieces; a node holds it as one. */
  #addText(text: string): void {
    this.#run = 0;
    const siblings = this.#open.at(-1)?.children;
    if (siblings === undefined || text === '') return;
    const last = siblings.at(-1);
    if (typeof last === 'string') siblings[siblings.length - 1] = last + text;
    else siblings.push(text);
  }

  #refusal(untrustedProblem: string): XmlSyntaxError {
    return new XmlSyntaxError(printable(untrustedProblem), this.#parser.line, this.#parser.column);
  }
}
