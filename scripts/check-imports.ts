/**
 * Checks who imports whom in src/, and that nothing imports itself in a circle. `node scripts/check-imports.ts [ROOT]`
 * prints each violation as `file:line what why` and ends with 1 when there is one.
 *
 * This table is the rule; docs and reviews refer to it. The first row whose pattern fits a file is its layer.
 * A layer may import itself and what `uses` names. For a driver, itself means its own folder.
 * Type-only imports obey the table as well; only the circle rule lets them be, for they are gone at run time.
 */
const INTERFACES = 'base xml property devices storage net hypervisor';
const MODEL = `${INTERFACES} vm store qrexec`;

const LAYERS: readonly Layer[] = [
  { name: 'base', files: 'src/base/**', uses: '', kind: 'pure' },
  { name: 'xml', files: 'src/xml/**', uses: 'base', kind: 'pure' },
  { name: 'property', files: 'src/property/**', uses: 'base xml', kind: 'pure' },
  { name: 'devices', files: 'src/devices/**', uses: 'base xml property', kind: 'pure' },
  { name: 'driver-kit', files: 'src/storage/{program,tree-tar,directories}.ts', uses: 'base storage' },
  { name: 'storage', files: 'src/storage/*.ts', uses: 'base xml property', kind: 'pure' },
  { name: 'net', files: 'src/net/**', uses: 'base xml property', kind: 'pure' },
  { name: 'hypervisor', files: 'src/hypervisor/*.ts', uses: 'base xml property storage', kind: 'pure' },
  { name: 'vm', files: 'src/vm/**', uses: INTERFACES, kind: 'pure' },

  { name: 'qrexec', files: 'src/qrexec/**', uses: 'base' },
  { name: 'libvirt', files: 'src/libvirt/**', uses: 'base' },
  { name: 'storage driver', files: 'src/storage/*/**', uses: 'base storage driver-kit', kind: 'driver' },
  { name: 'engine', files: 'src/hypervisor/*/**', uses: 'base storage hypervisor libvirt', kind: 'driver' },
  { name: 'store', files: 'src/app/store/*.ts', uses: 'base xml' },
  { name: 'store driver', files: 'src/app/store/*/**', uses: 'base xml store', kind: 'driver' },

  { name: 'app', files: 'src/app/**', uses: MODEL },
  { name: 'ext', files: 'src/ext/**', uses: `${MODEL} app` },
  { name: 'contract', files: 'src/api/contract{.ts,/**}', uses: 'base' },
  { name: 'api', files: 'src/api/**', uses: `${MODEL} app contract` },
  { name: 'daemon', files: 'src/daemon/**', uses: `${MODEL} app ext contract api` },

  { name: 'client', files: 'src/client/**', uses: 'base contract' },
  { name: 'tools', files: 'src/tools/**', uses: 'base contract client' },
];

/** The only files that may import drivers: they pick the engines of a system. */
const COMPOSERS = ['src/daemon/compose{.ts,/**}'];

/** What pure layers (the model and all it stands on) may have at run time from outside src/: nothing that does I/O. */
const WITHOUT_IO = ['node:assert', 'node:buffer', 'node:crypto', 'node:events', 'node:util', 'saxes'];

import { existsSync, globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, matchesGlob } from 'node:path';
import { findCycles } from './imports/cycles.ts';
import { findImports, type Import } from './imports/find-imports.ts';

interface Layer {
  readonly name: string;
  readonly files: string;
  /** Names of layers, apart by spaces. */
  readonly uses: string;
  /** Pure: does no I/O, and reaches none through what it imports. Driver: one a folder, unaware of each other. */
  readonly kind?: 'pure' | 'driver';
}

/** One broken rule, printable. */
type Violation = string;

/** Every import of src/ under `root`, and what is wrong with them. */
export function checkImports(root: string): { files: number; imports: number; violations: Violation[] } {
  const files = globSync('src/**/*.ts', { cwd: root }).sort();
  const dependencies = runtimeDependencies(root);
  const violations: Violation[] = [];
  const edges = new Map<string, string[]>();
  let imports = 0;

  for (const file of files) {
    const found = findImports(readFileSync(join(root, file), 'utf8'));
    imports += found.length;
    if (!layerOf(file))
      violations.push(`${file}:1 belongs to no layer: give it one in scripts/check-imports.ts`);
    for (const one of found) {
      const why = violationOf(file, one, dependencies);
      if (why) violations.push(`${file}:${one.line} ${why}`);
    }
    edges.set(file, runTimeTargets(file, found));
  }
  for (const cycle of findCycles(edges)) violations.push(cycleText(cycle));
  return { files: files.length, imports, violations };
}

/** Why this import is against the rule; undefined when it is not. */
function violationOf(
  file: string,
  { specifier, typeOnly }: Import,
  dependencies: Set<string>,
): string | undefined {
  const layer = layerOf(file);
  if (!layer) return undefined;
  if (specifier === undefined)
    return 'imports something computed: name the module in quotes, so that the rule can be checked';
  if (!specifier.startsWith('.')) return outsideViolation(layer, specifier, typeOnly, dependencies);
  const target = resolve(file, specifier);
  const targetLayer = layerOf(target);
  if (!targetLayer) return `imports ${target}, which is in no layer`;
  if (mayUse(file, layer, target, targetLayer)) return undefined;
  if (targetLayer.kind === 'driver')
    return `imports ${target}, a ${targetLayer.name}: only src/daemon/compose picks drivers`;
  return `imports ${target}: ${layer.name} may use itself${layer.uses && ` and ${layer.uses}`}, not ${targetLayer.name}`;
}

function mayUse(file: string, layer: Layer, target: string, targetLayer: Layer): boolean {
  if (layer === targetLayer) return layer.kind !== 'driver' || driverOf(file) === driverOf(target);
  if (targetLayer.kind === 'driver') return COMPOSERS.some((glob) => matchesGlob(file, glob));
  return layer.uses.split(' ').includes(targetLayer.name);
}

/** The rule for what is not in src/: Node's own modules and npm packages. */
function outsideViolation(
  layer: Layer,
  specifier: string,
  typeOnly: boolean,
  dependencies: Set<string>,
): string | undefined {
  if (typeOnly) return undefined;
  if (layer.kind === 'pure' && !WITHOUT_IO.includes(specifier))
    return `imports ${specifier}: ${layer.name} does no I/O; act through an interface instead`;
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  if (isBuiltin(specifier) || dependencies.has(name)) return undefined;
  return `imports ${name}, which is not among package.json's dependencies: an installed system lacks it`;
}

function layerOf(file: string): Layer | undefined {
  return LAYERS.find(({ files }) => matchesGlob(file, files));
}

/** The folder of a driver, `src/storage/dir`: the one below its interface's. */
function driverOf(file: string): string {
  return file.split('/', file.startsWith('src/app/') ? 4 : 3).join('/');
}

function resolve(file: string, specifier: string): string {
  return join(dirname(file), specifier);
}

function runTimeTargets(file: string, found: readonly Import[]): string[] {
  return found.flatMap(({ specifier, typeOnly }) =>
    specifier?.startsWith('.') && !typeOnly ? [resolve(file, specifier)] : [],
  );
}

function cycleText(cycle: readonly string[]): Violation {
  return `${cycle[0]}:1 imports itself in a circle: ${[...cycle, cycle[0]].join(' -> ')}`;
}

function runtimeDependencies(root: string): Set<string> {
  const manifest = join(root, 'package.json');
  if (!existsSync(manifest)) return new Set();
  return new Set(Object.keys(JSON.parse(readFileSync(manifest, 'utf8')).dependencies ?? {}));
}

if (import.meta.main) {
  const { files, imports, violations } = checkImports(process.argv[2] ?? '.');
  for (const violation of violations) console.log(violation);
  console.log(`imports: ${imports} in ${files} files, ${violations.length} against the rule`);
  process.exitCode = violations.length > 0 || files === 0 ? 1 : 0;
}
