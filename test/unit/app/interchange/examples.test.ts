import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { exportSystem } from '../../../../src/app/interchange/export.ts';
import { importSystem } from '../../../../src/app/interchange/import.ts';
import type { XmlNode } from '../../../../src/xml/node.ts';
import { parseXml } from '../../../../src/xml/parser.ts';
import { writeXml } from '../../../../src/xml/writer.ts';
import { feature, find, property } from './support.ts';

const schema = new URL('../../../../schema/', import.meta.url).pathname;
const examples = (await readdir(join(schema, 'examples'))).filter((name) => name.endsWith('.xml'));

async function example(name: string): Promise<XmlNode> {
  return parseXml(await readFile(join(schema, 'examples', name), 'utf8'));
}

/** Resolves when the document fits schema/qubes.rng; rejects with what xmllint says when it does not. */
async function validate(document: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'bulkhead-rng-'));
  try {
    const path = join(directory, 'document.xml');
    await writeFile(path, document);
    await promisify(execFile)(
      'xmllint',
      ['--noout', '--nonet', '--relaxng', join(schema, 'qubes.rng'), path],
      { timeout: 20_000 },
    );
  } finally {
    await rm(directory, { recursive: true });
  }
}

describe.each(examples)('%s', (name) => {
  test('fits the schema, and so does what is exported after importing it', async () => {
    await validate(await readFile(join(schema, 'examples', name), 'utf8'));
    await validate(writeXml(exportSystem(importSystem(await example(name))), { indent: '  ' }));
  });

  test('imports, exports and imports to the same, with no domain lost or broken', async () => {
    const root = await example(name);
    const first = importSystem(root);
    expect(first.domains).toHaveLength(root.element('domains')?.elements('domain').length ?? 0);
    expect(first.domains.filter(({ problem }) => problem !== undefined)).toEqual([]);
    const text = writeXml(exportSystem(first));
    const second = importSystem(parseXml(text));
    expect({ ...second, warnings: [] }).toEqual({ ...first, warnings: [] });
    expect(second.warnings).toEqual([]);
    expect(writeXml(exportSystem(second))).toBe(text);
  });
});

test('there are thirty domains in the 4.4 example', async () => {
  expect(importSystem(await example('qubes-4.4.xml')).domains).toHaveLength(30);
});

test('the 4.4 example keeps features, tags, notes, devices and volumes', async () => {
  const system = importSystem(await example('qubes-4.4.xml'));
  const { node } = find(system, 'work');
  expect(property(node, 'netvm')).toBe('sys-vpn');
  expect(feature(node, 'gui-emulate-latin-1')).toBe('');
  expect(
    node
      .element('tags')
      ?.elements()
      .map((tag) => tag.attribute('name')),
  ).toEqual(['created-by-dom0', 'work']);
  expect(node.element('notes')?.text).toBe('Mail & <calendar>, \u201cquotes\u201d.');
  expect(node.elements('devices').map((group) => group.attribute('class'))).toEqual(['usb', 'mic']);
  expect(
    node
      .element('volume-config')
      ?.elements('volume')
      .map((volume) => volume.attribute('size')),
  ).toEqual(['21474836480', '42949672960', '12884901888', undefined]);
  expect(property(find(system, 'sys-net').node, 'virt_mode')).toBe('hvm');
  expect(property(find(system, 'debian-13').node, 'virt_mode')).toBe('pvh');
  expect(property(find(system, 'personal').node, 'virt_mode')).toBeUndefined();
  expect(property(find(system, 'router-lab').node, 'virt_mode')).toBe('pv');
});

test('the 4.0 example comes out in the words of today', async () => {
  const system = importSystem(await example('qubes-4.0.xml'));
  expect(property(system.properties, 'default_netvm')).toBe('sys-firewall');
  expect(property(system.properties, 'default_fw_netvm')).toBeUndefined();
  expect(system.labels[0]?.attribute('color')).toBe('0xcc0000');
  expect(property(find(system, 'fedora-26').node, 'virt_mode')).toBe('hvm');
  expect(property(find(system, 'router').node, 'virt_mode')).toBe('pv');
  expect(property(find(system, 'archive').node, 'virt_mode')).toBe('pvh');
  expect(property(find(system, 'fedora-26-dvm').node, 'template_for_dispvms')).toBe('True');
  expect(property(find(system, 'sys-firewall').node, 'netvm')).toBe('sys-net');
  expect(property(find(system, 'personal').node, 'label')).toBe('yellow');
  expect(property(find(system, 'personal').node, 'uuid')).toBeUndefined();
  const devices = (name: string) =>
    find(system, name)
      .node.elements('devices')
      .flatMap((group) => group.elements());
  expect(devices('sys-net').map((device) => device.attribute('mode'))).toEqual(['required', 'required']);
  expect(devices('personal').map((device) => device.attribute('mode'))).toEqual(['auto-attach']);
  expect(system.warnings.join('\n')).toContain(
    'router: properties that are not known or cannot be set were dropped: uses_default_netvm',
  );
});

test('the example of older classes keeps them', async () => {
  const system = importSystem(await example('older-classes.xml'));
  const classes = system.domains.map(
    ({ node }) =>
      `${property(node, 'name')} ${node.attribute('class')} ${property(node, 'virt_mode') ?? '-'}`,
  );
  expect(classes).toEqual([
    'fedora-23 TemplateVM pvh',
    'windows-7 TemplateVM hvm',
    'netvm NetVM hvm',
    'firewallvm ProxyVM -',
    'torvm ProxyVM -',
    'lte-modem NetVM pvh',
    'work AppVM -',
    'anonymous AppVM -',
    'bsd HVM -',
    'accounts-win7 AppVM hvm',
  ]);
  const exported = exportSystem(system).element('domains')?.elements('domain') ?? [];
  const spelled = new Map(exported.map((node) => [property(node, 'name'), node]));
  const words = (name: string) => {
    const node = spelled.get(name);
    return [
      node?.attribute('class'),
      property(node, 'provides_network'),
      property(node, 'netvm'),
      property(node, 'virt_mode'),
    ];
  };
  expect(words('netvm')).toEqual(['AppVM', 'True', '', 'hvm']);
  expect(words('firewallvm')).toEqual(['AppVM', 'True', 'netvm', undefined]);
  expect(words('lte-modem')).toEqual(['StandaloneVM', 'True', '', 'pvh']);
  expect(words('bsd')).toEqual(['StandaloneVM', undefined, 'firewallvm', 'hvm']);
});

test.each([
  ['an unknown class', (text: string) => text.replace('class="AppVM"', 'class="MagicVM"')],
  ['a label without colour', (text: string) => text.replace(' color="0xcc0000"', '')],
  ['an element of nobody', (text: string) => text.replace('<domains>', '<domains><guest/>')],
  ['a mode there is not', (text: string) => text.replace('mode="required"', 'mode="maybe"')],
  ['a size that is none', (text: string) => text.replace(/size="\d+"/, 'size="-1"')],
])('the schema refuses %s', async (_what, spoil) => {
  const text = await readFile(join(schema, 'examples/qubes-4.4.xml'), 'utf8');
  expect(spoil(text)).not.toBe(text);
  await expect(validate(spoil(text))).rejects.toThrow('fails to validate');
});
