import { printable } from '../../base/errors.ts';
import { checkedLabelColor, checkedLabelName } from '../../vm/label.ts';
import { element, type XmlNode } from '../../xml/node.ts';

/** The labels of a file, `#rrggbb` of older ones as `0xrrggbb`. Those that are none are left out with a warning. */
export function importLabels(untrustedRoot: XmlNode, warn: (text: string) => void): XmlNode[] {
  const labels: XmlNode[] = [];
  const taken = new Set<string>();
  for (const untrustedLabel of untrustedRoot.element('labels')?.elements('label') ?? []) {
    const id = untrustedLabel.attribute('id') ?? '';
    const name = untrustedLabel.text.trim();
    try {
      if (!/^label-[1-9]\d{0,8}$/.test(id)) throw new Error(`its id '${printable(id)}' is not label-NUMBER`);
      if (taken.has(id) || taken.has(name)) throw new Error('another has its name or id');
      const color = checkedLabelColor((untrustedLabel.attribute('color') ?? '').replace(/^#/, '0x'));
      labels.push(element('label', { id, color }, checkedLabelName(name)));
      taken.add(id).add(name);
    } catch (error) {
      warn(`label '${printable(name)}' was left out: ${(error as Error).message}`);
    }
  }
  return labels;
}
