/**
 * A record's text with each element on a line of its own, for people. The record is as `writeXml` writes it: no
 * `<` or `>` but those of tags, so that a line may be broken where two tags touch.
 */
export function indented(xml: string, depth: number): string {
  let level = depth;
  let text = '';
  for (const line of xml.split(/(?<=>)(?=<)/)) {
    text += `${'  '.repeat(line.startsWith('</') ? level - 1 : level)}${line}\n`;
    level += occurrences(line, /<(?!\/)/g) - occurrences(line, /<\/|\/>/g);
  }
  return text;
}

function occurrences(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
