/** `admin.label.*` */
import type { Handler } from '../call.ts';
import { asciiPayload } from '../payload.ts';

export const labels = {
  'admin.label.List': ({ system, visible }) =>
    visible(system.labels)
      .map(({ name }) => `${name}\n`)
      .join(''),
  'admin.label.Get': ({ system, untrustedArgument }) => system.label(untrustedArgument).color,
  'admin.label.Index': ({ system, untrustedArgument }) => String(system.label(untrustedArgument).index),
  async 'admin.label.Create'({ system, untrustedArgument, untrustedPayload }) {
    const untrustedColor = asciiPayload(untrustedPayload);
    await system.change((change) => system.labels.create(change, untrustedArgument, untrustedColor));
    return '';
  },
  async 'admin.label.Remove'({ system, untrustedArgument }) {
    await system.change((change) => system.labels.remove(change, untrustedArgument));
    return '';
  },
} satisfies Record<string, Handler>;
