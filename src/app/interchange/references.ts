/** What the records of a file say of each other, made to hold within the file. */
import { printable } from '../../base/errors.ts';
import { ASSIGNMENT_MODES } from '../../devices/assignment.ts';
import { NAMES } from '../../vm/properties/identity.ts';
import { element, XmlNode } from '../../xml/node.ts';
import { properties as systemProperties } from '../properties.ts';
import { type DomainRecord, isTrue } from './domain-record.ts';
import { domainNames, type Import, sound } from './import-work.ts';
import { propertiesOf } from './known-properties.ts';

/** A manual one ends with the domain's run, and is never stored. */
const storedModes: readonly string[] = ASSIGNMENT_MODES.filter((mode) => mode !== 'manual');

/** References to domains that are not in the file: a template's breaks the domain, others become none. */
export function resolveDomains(work: Import): void {
  const names = domainNames(work);
  const isMissing = (value: string | undefined) => value !== undefined && !isNone(value) && !names.has(value);

  for (const candidate of sound(work)) {
    const { properties, klass } = candidate.record;
    for (const property of propertiesOf(klass).values()) {
      const value = properties.get(property.name);
      if (property.type !== 'vm' || value === undefined) continue;
      if (isNone(value)) properties.set(property.name, '');
      if (!isMissing(value)) continue;
      if (property.name === 'template')
        candidate.problem = `its template '${printable(value)}' is not in the file`;
      properties.set(property.name, '');
      work.warn(
        `${candidate.name}: ${property.name} named '${printable(value)}', which is not in the file; it is none now`,
      );
    }
  }

  for (const property of systemProperties.values()) {
    const value = work.system.get(property.name);
    if (value === undefined) continue;
    if (property.type === 'vm' && isNone(value)) work.system.set(property.name, '');
    if (property.type === 'vm' && isMissing(value)) {
      work.system.set(property.name, '');
      work.warn(`${property.name} named '${printable(value)}', which is not in the file; it is none now`);
    }
    if (property.name.startsWith('default_pool') && !work.pools.has(value)) {
      work.system.delete(property.name);
      work.warn(
        `${property.name} named the pool '${printable(value)}', which is not in the file; it is the default now`,
      );
    }
  }
}

/** A template must be of the class its domain needs; that also keeps a chain of templates from going in a circle. */
export function checkTemplates(work: Import): void {
  const byName = new Map(sound(work).map(({ name, record }) => [name, record]));
  for (const candidate of sound(work)) {
    const { klass, properties } = candidate.record;
    const name = properties.get('template');
    if (!propertiesOf(klass).has('template')) continue;
    if (!name) {
      const needed = klass === 'AppVM' || klass === 'DispVM';
      if (needed) candidate.problem = 'it has no template';
      continue;
    }
    candidate.problem = problemWithTemplate(klass, name, byName.get(name));
  }
}

/** A template that is broken itself is none of this domain's faults. */
function problemWithTemplate(
  klass: string,
  name: string,
  template: DomainRecord | undefined,
): string | undefined {
  if (template === undefined) return undefined;
  if (klass !== 'DispVM') {
    return template.klass === 'TemplateVM'
      ? undefined
      : `its template '${name}' is not a TemplateVM but of class ${template.klass}`;
  }
  const made = ['AppVM', 'NetVM', 'ProxyVM'].includes(template.klass);
  if (made && isTrue(template.properties.get('template_for_dispvms'))) return undefined;
  return `its template '${name}' is not one for disposables`;
}

/** Assignments in the spelling of 4.4. Those Qubes would ignore are dropped with a warning. */
export function resolveDevices(work: Import): void {
  const names = domainNames(work);
  for (const { name, record } of sound(work)) {
    for (const [deviceClass, devices] of record.devices) {
      const kept = devices.flatMap((untrustedDevice) => {
        const device = modernDevice(untrustedDevice, names);
        if (device instanceof XmlNode) return [device];
        work.warn(
          `${name}: a ${printable(deviceClass)} device ('${printable(untrustedDevice.attribute('id') ?? '*')}') was dropped: ${device}`,
        );
        return [];
      });
      record.devices.set(deviceClass, kept);
    }
  }
}

/** The device in today's spelling, or why it cannot be used. */
function modernDevice(untrustedDevice: XmlNode, names: ReadonlySet<string>): XmlNode | string {
  const backend = untrustedDevice.attribute('backend-domain') ?? '';
  // 4.4 itself writes "*" for any backend, and does not read it back.
  const anyBackend = ['', '*', '_'].includes(backend);
  if (!anyBackend && !names.has(backend)) return `its backend '${printable(backend)}' is not in the file`;

  const required = untrustedDevice.attribute('required');
  const mode =
    required === undefined
      ? (untrustedDevice.attribute('mode') ?? 'required')
      : isTrue(required)
        ? 'required'
        : 'auto-attach';
  if (!storedModes.includes(mode)) return `its mode '${printable(mode)}' is unknown`;

  const options = untrustedDevice.elements('option').filter((option) => option.attribute('name'));
  const identityOption = options.find((option) => option.attribute('name') === 'identity')?.text;
  return element(
    'device',
    {
      'backend-domain': anyBackend ? undefined : backend,
      id: untrustedDevice.attribute('id') ?? '*',
      mode,
      identity: identityOption ?? (untrustedDevice.attribute('identity') || '*'),
    },
    ...options
      .filter((option) => option.attribute('name') !== 'identity')
      .map((option) =>
        element('option', { name: option.attribute('name') }, ...(option.text ? [option.text] : [])),
      ),
  );
}

/** A circle of netvms is cut at the first domain of the file that is in it. */
export function breakNetvmLoops(work: Import): void {
  const netvms = new Map(sound(work).map(({ name, record }) => [name, record.properties.get('netvm')]));
  for (const { name, record } of sound(work)) {
    const passed = new Set<string>();
    for (let above = netvms.get(name); above; above = netvms.get(above)) {
      if (above === name) {
        record.properties.set('netvm', '');
        netvms.set(name, '');
        work.warn(`${name}: its netvm led back to itself; it is none now`);
        break;
      }
      if (passed.has(above)) break;
      passed.add(above);
    }
  }
}

/** Qubes ignores properties it does not know; here they would make the domain broken. */
export function dropUnknownProperties(work: Import): void {
  for (const { name, record } of sound(work))
    drop(record.properties, propertiesOf(record.klass), `${name}: `, work.warn);
  drop(work.system, systemProperties, '', work.warn);
}

function drop(
  values: Map<string, string>,
  known: ReadonlyMap<string, { readonly settable: string }>,
  prefix: string,
  warn: (text: string) => void,
): void {
  const isKnown = (name: string) => NAMES.has(name) || (known.get(name)?.settable ?? 'never') !== 'never';
  const unknown = [...values.keys()].filter((name) => !isKnown(name));
  for (const name of unknown) values.delete(name);
  if (unknown.length > 0)
    warn(
      `${prefix}properties that are not known or cannot be set were dropped: ${unknown.map((name) => printable(name)).join(', ')}`,
    );
}

function isNone(value: string): boolean {
  return value === '' || value === 'None';
}
