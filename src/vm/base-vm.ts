import type { EventArguments } from '../base/emitter.ts';
import { DeviceManager } from '../devices/device-manager.ts';
import type { Property, PropertyTable } from '../property/descriptor.ts';
import { type Change, PropertyHolder, Referrers } from '../property/holder.ts';
import { element, type XmlNode } from '../xml/node.ts';
import { Features } from './features.ts';
import type { Label } from './label.ts';
import type { PowerState } from './power-state.ts';
import * as identity from './properties/identity.ts';
import type { System } from './system.ts';
import { Tags } from './tags.ts';

/** Longest note, in characters. */
export const MAX_NOTES = 256_000;

/** What identifies a new domain; all else has a default or comes later. */
export interface Identity {
  readonly uuid: string;
  readonly qid: number;
  readonly name: string;
  readonly label: Label;
}

/**
 * The technical half of every domain: identity, the machinery of properties, and XML in and out. It decides
 * nothing; what may be done with a domain is in `QubesVM`.
 */
export abstract class BaseVM extends PropertyHolder {
  /** The properties of the class; subclasses extend the table. */
  static readonly properties: PropertyTable<never> = identity.properties;

  readonly system: System;
  readonly features = new Features(this);
  readonly tags = new Tags(this);
  readonly devices: DeviceManager = new DeviceManager(this);
  readonly referrers = new Referrers();
  #notes = '';
  #removed = false;
  #broken: { readonly why: string; readonly asFound: XmlNode | null } | undefined;

  constructor(system: System) {
    super();
    this.system = system;
  }

  // --- identity ---------------------------------------------------------------------------------------------

  get uuid(): string {
    return this.value(identity.uuid);
  }

  get qid(): number {
    return this.value(identity.qid);
  }

  get name(): string {
    return this.value(identity.name);
  }

  get label(): Label {
    return this.value(identity.label);
  }

  get icon(): string {
    return identity.iconOf(this);
  }

  /** The name of the domain's class, `AppVM`. */
  get klass(): string {
    return this.constructor.name;
  }

  get description(): string {
    return `domain ${this.name}`;
  }

  // --- what every domain can be asked; classes that have more to say override ---------------------------------

  /** Why the domain's record cannot be used, or undefined. */
  get broken(): string | undefined {
    return this.#broken?.why;
  }

  /** The record cannot be used: keep it as it was found, and say why. */
  markBroken(why: string, untrustedAsFound: XmlNode | null): void {
    this.#broken = { why, asFound: untrustedAsFound };
  }

  get powerState(): PowerState {
    return 'NA';
  }

  get template(): BaseVM | null {
    return null;
  }

  get netvm(): BaseVM | null {
    return null;
  }

  /** The disposable template it has when it was given none. */
  get defaultDispvm(): BaseVM | null {
    return this.system.default_dispvm;
  }

  /** Codes of device interfaces the domain may never be given. */
  get devices_denied(): string {
    return '';
  }

  /** Which disposable it is, by number; undefined for all that are none. */
  get dispid(): number | undefined {
    return undefined;
  }

  /** May other domains be based on it? */
  get isTemplate(): boolean {
    return false;
  }

  /** May disposables be made from it? */
  get makesDisposables(): boolean {
    return false;
  }

  /** May other domains send their traffic through it? */
  get providesNetwork(): boolean {
    return false;
  }

  get keyboard_layout(): string {
    return 'us++';
  }

  /** Whose keyboard layout it takes when it has none of its own. */
  get keyboardOwner(): BaseVM | null {
    return null;
  }

  // --- notes --------------------------------------------------------------------------------------------------

  /** Free text the user keeps about the domain. */
  get notes(): string {
    return this.#notes;
  }

  /** Event: `domain-notes-changed`, when durable. */
  setNotes(change: Change, notes: string): void {
    const before = this.#notes;
    this.#notes = notes;
    change.touch(this);
    change.onUndo(() => {
      this.#notes = before;
    });
    change.onCommitted(() => this.announce('domain-notes-changed'));
  }

  // --- events -------------------------------------------------------------------------------------------------

  /** Asks before something happens to this domain; throws what a handler refuses with. */
  ask(event: string, values: EventArguments = {}): void {
    this.system.events.ask(this, event, values);
  }

  /** Tells of something that has happened to this domain. */
  announce(event: string, values: EventArguments = {}): void {
    this.system.events.announce(this, event, values);
  }

  // --- properties ---------------------------------------------------------------------------------------------

  get properties(): PropertyTable<never> {
    return (this.constructor as typeof BaseVM).properties;
  }

  /** Gives a new domain its identity. */
  identify({ uuid, qid, name, label }: Identity): void {
    this.restore(identity.uuid, uuid);
    this.restore(identity.qid, qid);
    this.restore(identity.name, name);
    this.restore(identity.label, label);
  }

  /** Gives a domain that is not in the system yet a value. Throws QubesValueError. */
  choose<Value>(property: Property<never, Value>, value: Value): void {
    property.check?.(this as never, value);
    this.restore(property, value);
  }

  /** Drops what a domain that never came into the system refers to. */
  abandon(): void {
    for (const property of this.properties.values())
      if (property.type === 'vm' || property.type === 'label') this.restore(property, undefined);
  }

  // --- XML ----------------------------------------------------------------------------------------------------

  get storeKey(): string {
    return `domain/${this.uuid}`;
  }

  record(): XmlNode | null {
    return this.#removed ? null : this.xml;
  }

  /** The domain's XML node as stored, always current: it is made from the domain's state when asked for. */
  get xml(): XmlNode {
    return this.#broken?.asFound ?? this.#describe();
  }

  #describe(): XmlNode {
    return element(
      'domain',
      { id: `domain-${this.qid}`, class: this.klass },
      this.propertiesNode(),
      this.features.record(),
      ...this.devices.record(),
      this.tags.record(),
      ...(this.#notes ? [element('notes', {}, this.#notes)] : []),
      ...this.extraRecords(),
    );
  }

  /** More elements a class keeps in its node. */
  protected extraRecords(): XmlNode[] {
    return [];
  }

  /** First pass of loading: what other domains refer to this one by. Throws QubesException on a bad record. */
  loadIdentity(untrustedNode: XmlNode): void {
    for (const name of identity.NAMES) {
      const property = this.property(name);
      this.restore(property, property.parse(this as never, storedText(untrustedNode, name)));
    }
  }

  /** Second pass, when all domains can be found: everything else. Throws QubesException on a bad record. */
  load(untrustedNode: XmlNode): void {
    for (const node of untrustedNode.element('properties')?.elements('property') ?? []) {
      const property = this.property(node.attribute('name') ?? '');
      if (identity.NAMES.has(property.name) || property.settable === 'never') continue;
      this.restore(property, property.parse(this as never, node.text));
    }
    this.features.restore(untrustedNode.element('features') ?? element('features'));
    this.tags.restore(untrustedNode.element('tags') ?? element('tags'));
    this.devices.restore(untrustedNode.elements('devices'));
    this.#notes = untrustedNode.element('notes')?.text ?? '';
    this.loadExtraRecords(untrustedNode);
  }

  /** Reads what {@link extraRecords} wrote. */
  protected loadExtraRecords(_untrustedNode: XmlNode): void {}

  // --- leaving ------------------------------------------------------------------------------------------------

  /** Has it left the system for good? */
  get isRemoved(): boolean {
    return this.#removed;
  }

  /** Takes the domain's record out of the durable state and drops its references to others. */
  detach(change: Change): void {
    this.#removed = true;
    change.touch(this);
    change.onUndo(() => {
      this.#removed = false;
    });
    this.releaseReferences(change);
    this.devices.release(change);
  }
}

function storedText(untrustedNode: XmlNode, property: string): string {
  const nodes = untrustedNode.element('properties')?.elements('property') ?? [];
  return nodes.find((node) => node.attribute('name') === property)?.text ?? '';
}
