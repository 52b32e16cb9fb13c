import { printable, QubesInvalidTagError, QubesTagNotFoundError } from '../base/errors.ts';
import type { Change } from '../property/holder.ts';
import { element, type XmlNode } from '../xml/node.ts';
import type { BaseVM } from './base-vm.ts';

const MAX_TAG = 255;

/**
 * Words attached to a domain, by which policy and people group them.
 * Events: `domain-tag-add:TAG`, `domain-tag-delete:TAG`.
 */
export class Tags {
  readonly #vm: BaseVM;
  readonly #tags = new Set<string>();

  constructor(vm: BaseVM) {
    this.#vm = vm;
  }

  has(tag: string): boolean {
    return this.#tags.has(tag);
  }

  /** Does nothing when the domain has it already. Throws QubesInvalidTagError. */
  add(change: Change, untrustedTag: string): void {
    const tag = checkedTag(untrustedTag);
    if (this.#tags.has(tag)) return;
    this.#tags.add(tag);
    change.touch(this.#vm);
    change.onUndo(() => this.#tags.delete(tag));
    change.onCommitted(() => this.#vm.announce(`domain-tag-add:${tag}`, { tag }));
  }

  /** Throws QubesTagNotFoundError when the domain does not have it. */
  delete(change: Change, untrustedTag: string): void {
    const tag = checkedTag(untrustedTag);
    if (!this.#tags.delete(tag)) throw new QubesTagNotFoundError(this.#vm.name, tag);
    change.touch(this.#vm);
    change.onUndo(() => this.#tags.add(tag));
    change.onCommitted(() => this.#vm.announce(`domain-tag-delete:${tag}`, { tag }));
  }

  /** In alphabetical order. */
  sorted(): string[] {
    return [...this.#tags].sort();
  }

  record(): XmlNode {
    return element('tags', {}, ...this.sorted().map((name) => element('tag', { name })));
  }

  /** Reads what {@link record} wrote. Throws when a tag is not one. */
  restore(untrustedNode: XmlNode): void {
    for (const node of untrustedNode.elements('tag'))
      this.#tags.add(checkedTag(node.attribute('name') ?? ''));
  }
}

/** A tag fit to use, or QubesInvalidTagError. */
export function checkedTag(untrustedTag: string): string {
  if (!/^[a-zA-Z0-9_-]+$/.test(untrustedTag) || untrustedTag.length > MAX_TAG)
    throw new QubesInvalidTagError(
      `Invalid tag '${printable(untrustedTag)}': letters, digits, '_' and '-' only, at most ${MAX_TAG}`,
    );
  return untrustedTag;
}
