/** `admin.vm.tag.*` and `admin.vm.notes.*` */
import { ProtocolError } from '../../base/errors.ts';
import { MAX_NOTES } from '../../vm/base-vm.ts';
import { checkedTag } from '../../vm/tags.ts';
import type { Handler } from '../call.ts';
import { utf8Payload } from '../payload.ts';

export const tags = {
  'admin.vm.tag.List': ({ destination, visible }) =>
    visible(destination.tags.sorted())
      .map((tag) => `${tag}\n`)
      .join(''),
  'admin.vm.tag.Get': ({ destination, untrustedArgument }) =>
    destination.tags.has(checkedTag(untrustedArgument)) ? '1' : '0',
  async 'admin.vm.tag.Set'({ system, destination, untrustedArgument }) {
    await system.change((change) => destination.tags.add(change, untrustedArgument));
    return '';
  },
  async 'admin.vm.tag.Remove'({ system, destination, untrustedArgument }) {
    await system.change((change) => destination.tags.delete(change, untrustedArgument));
    return '';
  },
  'admin.vm.notes.Get': ({ destination }) => destination.notes,
  async 'admin.vm.notes.Set'({ system, destination, untrustedPayload }) {
    const notes = utf8Payload(untrustedPayload);
    if (notes.length > MAX_NOTES)
      throw new ProtocolError(`Notes of ${notes.length} characters are too long; at most ${MAX_NOTES}`);
    if (/[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(notes))
      throw new ProtocolError('Notes must be text, without control characters');
    await system.change((change) => destination.setNotes(change, notes));
    return '';
  },
} satisfies Record<string, Handler>;
