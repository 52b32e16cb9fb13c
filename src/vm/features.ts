import { ProtocolError, printable, QubesFeatureNotFoundError, QubesValueError } from '../base/errors.ts';
import type { Change } from '../property/holder.ts';
import { element, type XmlNode } from '../xml/node.ts';
import type { BaseVM } from './base-vm.ts';

const MAX_NAME = 255;

/**
 * Named strings attached to a domain: capabilities, hints, service switches. The empty string means false, any
 * other true. Events: `domain-feature-pre-set:NAME`, `domain-feature-set:NAME`, `domain-feature-pre-delete:NAME`,
 * `domain-feature-delete:NAME`.
 */
export class Features {
  readonly #vm: BaseVM;
  readonly #values = new Map<string, string>();

  constructor(vm: BaseVM) {
    this.#vm = vm;
  }

  /** The domain's own value, or undefined. */
  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** Is it set on the domain itself, to other than the empty string? */
  isOn(name: string): boolean {
    return Boolean(this.#values.get(name));
  }

  /** The domain's own value, else its template's, its template's template's and so on. */
  withTemplate(name: string): string | undefined {
    return this.#values.get(name) ?? this.#vm.template?.features.withTemplate(name);
  }

  /** The domain's own value, else its netvm's and so on up the chain. */
  withNetvm(name: string): string | undefined {
    return this.#values.get(name) ?? this.#vm.netvm?.features.withNetvm(name);
  }

  /** The domain's own value, else the AdminVM's. */
  withAdminVM(name: string): string | undefined {
    return this.#values.get(name) ?? this.#vm.system.adminVM.features.get(name);
  }

  withTemplateAndAdminVM(name: string): string | undefined {
    return this.withTemplate(name) ?? this.#vm.system.adminVM.features.get(name);
  }

  /** Throws ProtocolError for a name or value that is not printable ASCII. */
  set(change: Change, untrustedName: string, untrustedValue: string): void {
    const feature = checkedName(untrustedName);
    const value = checkedValue(untrustedValue);
    const old = this.#old(feature);
    this.#vm.ask(`domain-feature-pre-set:${feature}`, { feature, value, ...old });
    this.#put(change, feature, value);
    change.onCommitted(() => this.#vm.announce(`domain-feature-set:${feature}`, { feature, value, ...old }));
  }

  /** Throws QubesFeatureNotFoundError when it is not set. */
  delete(change: Change, untrustedName: string): void {
    if (!this.#values.has(untrustedName)) throw new QubesFeatureNotFoundError(this.#vm.name, untrustedName);
    const feature = untrustedName;
    this.#vm.ask(`domain-feature-pre-delete:${feature}`, { feature });
    this.#put(change, feature, undefined);
    change.onCommitted(() => this.#vm.announce(`domain-feature-delete:${feature}`, { feature }));
  }

  entries(): IterableIterator<[string, string]> {
    return this.#values.entries();
  }

  names(): string[] {
    return [...this.#values.keys()];
  }

  record(): XmlNode {
    const values = [...this.#values].map(([name, value]) =>
      element('feature', { name }, ...(value ? [value] : [])),
    );
    return element('features', {}, ...values);
  }

  /** Reads what {@link record} wrote. Throws when a name or value is not one. */
  restore(untrustedNode: XmlNode): void {
    for (const node of untrustedNode.elements('feature'))
      this.#values.set(checkedName(node.attribute('name') ?? ''), checkedValue(node.text));
  }

  #old(feature: string): { oldvalue?: string } {
    const oldvalue = this.#values.get(feature);
    return oldvalue === undefined ? {} : { oldvalue };
  }

  #put(change: Change, feature: string, value: string | undefined): void {
    const before = this.#values.get(feature);
    this.#write(feature, value);
    change.touch(this.#vm);
    change.onUndo(() => this.#write(feature, before));
  }

  #write(feature: string, value: string | undefined): void {
    if (value === undefined) this.#values.delete(feature);
    else this.#values.set(feature, value);
  }
}

function checkedName(untrustedName: string): string {
  if (untrustedName === '' || untrustedName.length > MAX_NAME || !/^[\x21-\x7e]+$/.test(untrustedName))
    throw new QubesValueError(
      `Invalid feature name '${printable(untrustedName)}': 1 to ${MAX_NAME} printable ASCII characters, no blanks`,
    );
  return untrustedName;
}

function checkedValue(untrustedValue: string): string {
  if (!/^[\x20-\x7e]*$/.test(untrustedValue))
    throw new ProtocolError(`Invalid feature value '${printable(untrustedValue)}': printable ASCII only`);
  return untrustedValue;
}
