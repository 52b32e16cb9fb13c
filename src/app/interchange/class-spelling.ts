/**
 * NetVM, ProxyVM and HVM in the words of Qubes 4: an AppVM (or a StandaloneVM, without a template) that
 * `provides_network`, and a StandaloneVM whose `virt_mode` is hvm. What the new words cannot say is kept in
 * features, which Qubes hands on untouched: `bulkhead.class`, the class it was, and `bulkhead.implied`, the
 * properties that were written out although the class implies them.
 */
import { type DomainRecord, hasAssignedPci } from './domain-record.ts';

const implied: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  NetVM: { provides_network: 'True', netvm: '' },
  ProxyVM: { provides_network: 'True' },
  HVM: { virt_mode: 'hvm' },
};

const classFeature = 'bulkhead.class';
const impliedFeature = 'bulkhead.implied';

/** Changes the record to the spelling of Qubes 4. */
export function toNewClass(record: DomainRecord): void {
  const values = implied[record.klass];
  if (values === undefined) return;
  const missing = Object.keys(values).filter((name) => !record.properties.has(name));
  for (const name of missing) record.properties.set(name, values[name] ?? '');
  record.features.set(classFeature, record.klass);
  if (missing.length > 0) record.features.set(impliedFeature, missing.join(' '));
  record.klass = record.klass !== 'HVM' && record.properties.get('template') ? 'AppVM' : 'StandaloneVM';
}

/** Undoes {@link toNewClass}, unless the domain has been made into something else since. */
export function toOwnClass(record: DomainRecord): void {
  const klass = record.features.get(classFeature) ?? '';
  const names = (record.features.get(impliedFeature) ?? '').split(' ').filter((name) => name !== '');
  record.features.delete(classFeature);
  record.features.delete(impliedFeature);
  const values = implied[klass];
  if (values === undefined || !['AppVM', 'StandaloneVM'].includes(record.klass)) return;
  if (klass === 'HVM' && record.klass !== 'StandaloneVM') return;
  if (names.some((name) => values[name] === undefined || record.properties.get(name) !== values[name]))
    return;
  for (const name of names) record.properties.delete(name);
  record.klass = klass;
}

/** Classes that trees before Qubes 4 had and this system has not. Says what was done, if anything. */
export function fromOldClass(record: DomainRecord): string | undefined {
  const before = record.klass;
  if (before === 'TemplateHVM') record.klass = 'TemplateVM';
  else if (before === 'HVM' && record.properties.get('template')) record.klass = 'AppVM';
  else return undefined;
  if (!record.properties.has('virt_mode')) record.properties.set('virt_mode', 'hvm');
  return `its class ${before}${before === 'HVM' ? ' with a template' : ''} became ${record.klass} with virt_mode hvm`;
}

const virtModeFeature = 'bulkhead.virt_mode';

/** Qubes has no word for `container`, nor for "whatever Bulkhead's default is": a feature keeps them. */
export function hideVirtMode(record: DomainRecord): void {
  if (record.properties.get('virt_mode') === 'container') {
    record.properties.delete('virt_mode');
    record.features.set(virtModeFeature, 'container');
  } else if (!record.properties.has('virt_mode') && virtModeOnQubes(record) !== undefined) {
    record.features.set(virtModeFeature, 'default');
  }
}

/**
 * Undoes {@link hideVirtMode}; and where Qubes' default would have decided, writes down what it decides, for the
 * default of this system may isolate less. Says what it changed, if anything.
 */
export function pinVirtMode(record: DomainRecord): string | undefined {
  const hidden = record.features.get(virtModeFeature);
  record.features.delete(virtModeFeature);
  if (hidden === 'container' && !record.properties.has('virt_mode'))
    record.properties.set('virt_mode', hidden);
  if (record.properties.get('virt_mode') === 'container' && hasAssignedPci(record)) {
    record.properties.set('virt_mode', 'hvm');
    return 'virt_mode was container, which cannot hold its PCI devices, and is now hvm';
  }
  if (record.properties.has('virt_mode') || hidden === 'default') return undefined;
  const mode = virtModeOnQubes(record);
  if (mode === undefined) return undefined;
  record.properties.set('virt_mode', mode);
  return `virt_mode was left to Qubes' default and is now set to ${mode}`;
}

/** What a domain with no `virt_mode` gets on Qubes; undefined where that is its template's, or its class says. */
function virtModeOnQubes(record: DomainRecord): 'pvh' | 'hvm' | undefined {
  if (['AdminVM', 'RemoteVM', 'HVM'].includes(record.klass)) return undefined;
  if (hasAssignedPci(record)) return 'hvm';
  return record.properties.get('template') ? undefined : 'pvh';
}
