/**
 * Names of layers and of their users. A layer is named for the volume it was made by (`appvms+work+private+l3k9-1`),
 * so that people find it; its users are named by kind, so that each can be checked against what it says.
 */

const LAYER_ID = /^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,220}$/;

export function isLayerId(untrusted: unknown): untrusted is string {
  return typeof untrusted === 'string' && LAYER_ID.test(untrusted);
}

/** A volume's id as one file name; `+` never occurs in a vid. */
export function flatVid(vid: string): string {
  return vid.replaceAll('/', '+');
}

/** What keeps a layer: a volume's record or run, a started snapshot, a copy being made, or the layer above it. */
export type LayerUser = `${'volume' | 'snapshot' | 'copy' | 'layer'}:${string}`;

export const volumeUser = (vid: string): LayerUser => `volume:${flatVid(vid)}`;
export const snapshotUser = (vid: string): LayerUser => `snapshot:${flatVid(vid)}`;
export const copyUser = (unique: string): LayerUser => `copy:${unique}`;
export const layerUser = (id: string): LayerUser => `layer:${id}`;

/** The two halves of a user's name; the vid in its usual spelling. Undefined when the name is not one of ours. */
export function parsedUser(untrustedName: string): { kind: string; id: string } | undefined {
  const match = /^(volume|snapshot|copy|layer):(.+)$/.exec(untrustedName);
  if (!match?.[1] || !match[2]) return undefined;
  const [, kind, id] = match;
  return { kind, id: kind === 'layer' ? id : id.replaceAll('+', '/') };
}
