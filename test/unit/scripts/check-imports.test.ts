import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkImports } from '../../../scripts/check-imports.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'imports-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** What the rule says of a tree with these files. */
function violationsOf(files: Record<string, string>): string[] {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return checkImports(root).violations;
}

describe('the import rule', () => {
  it('holds in this repository, which is not empty', () => {
    const { files, violations } = checkImports('.');
    expect(violations).toEqual([]);
    expect(files).toBeGreaterThan(20);
  });

  it('lets a layer use what lies beneath it', () => {
    expect(
      violationsOf({
        'src/base/errors.ts': 'export class A {}',
        'src/vm/qubes-vm.ts':
          "import { A } from '../base/errors.ts';\nimport type { V } from '../storage/volume.ts';",
        'src/storage/volume.ts': "import type { Readable } from 'node:stream';",
        'src/storage/dir/pool.ts': "import { x } from './x.ts';\nimport fs from 'node:fs';",
        'src/storage/dir/x.ts': 'export const x = 1;',
        'src/daemon/compose.ts': "import { P } from '../storage/dir/pool.ts';",
      }),
    ).toEqual([]);
  });

  const broken: Record<string, [file: string, text: string, says: RegExp]> = {
    'an import of a higher layer': [
      'src/base/a.ts',
      "import { x } from '../vm/b.ts';",
      /base may use itself, not vm/,
    ],
    'a type from a higher layer': ['src/vm/a.ts', "import type { X } from '../app/b.ts';", /not app/],
    're-exporting a higher layer': ['src/vm/a.ts', "export * from '../app/b.ts';", /not app/],
    'a dynamic import of a higher layer': ['src/vm/a.ts', "await import('../app/b.ts');", /not app/],
    'a type named in place': ['src/vm/a.ts', "let x: typeof import('../app/b.ts');", /not app/],
    'a driver outside compose': [
      'src/daemon/main.ts',
      "import { P } from '../storage/dir/p.ts';",
      /only .*compose/,
    ],
    'a driver in another driver': ['src/storage/file/a.ts', "import '../dir/p.ts';", /only .*compose/],
    'a driver in its interface': ['src/storage/pool.ts', "import '../storage/dir/p.ts';", /only .*compose/],
    'the model in a driver': ['src/hypervisor/oci/a.ts', "import { Q } from '../../vm/b.ts';", /not vm/],
    'the daemon in a tool': ['src/tools/a.ts', "import { D } from '../daemon/main.ts';", /not daemon/],
    'the model in the client': ['src/client/a.ts', "import { Q } from '../vm/b.ts';", /not vm/],
    'a method table in a tool': ['src/tools/a.ts', "import { D } from '../api/dispatcher.ts';", /not api/],
    'I/O shared by drivers in the model': [
      'src/vm/a.ts',
      "import '../storage/program.ts';",
      /not driver-kit/,
    ],
    'files in the model': ['src/vm/a.ts', "import { readFileSync } from 'node:fs';", /does no I\/O/],
    'processes in the model': ['src/vm/a.ts', "import { spawn } from 'node:child_process';", /does no I\/O/],
    'sockets beneath the model': ['src/property/a.ts', "import net from 'node:net';", /does no I\/O/],
    'native calls in the model': ['src/vm/a.ts', "import koffi from 'koffi';", /does no I\/O/],
    'a package that is not installed': ['src/tools/a.ts', "import 'left-pad';", /not among package.json/],
    'a module named at run time': ['src/tools/a.ts', 'await import(name);', /something computed/],
    'a module pieced together': ['src/tools/a.ts', "await import('./' + name);", /something computed/],
    'a folder without a layer': ['src/misc/a.ts', '', /belongs to no layer/],
  };
  for (const [what, [file, text, says]] of Object.entries(broken)) {
    it(`refuses ${what}`, () => {
      const violations = violationsOf({ [file]: `// first line\n${text}` });
      expect(violations).toHaveLength(1);
      expect(violations[0]).toMatch(says);
      expect(violations[0]).toMatch(new RegExp(`^${file}:${text ? 2 : 1} `));
    });
  }

  it('refuses circles, however long, but not of types alone', () => {
    expect(
      violationsOf({
        'src/vm/a.ts': "import './b.ts';",
        'src/vm/b.ts': "export { c } from './c.ts';",
        'src/vm/c.ts': "import './a.ts';",
        'src/vm/d.ts': "import type { E } from './e.ts';",
        'src/vm/e.ts': "import './d.ts';",
      }),
    ).toEqual([
      'src/vm/a.ts:1 imports itself in a circle: src/vm/a.ts -> src/vm/b.ts -> src/vm/c.ts -> src/vm/a.ts',
    ]);
  });

  it('is not misled by what only looks like an import', () => {
    expect(
      violationsOf({
        'src/vm/a.ts': [
          "// import '../app/a.ts';",
          "/* import '../app/a.ts'; */",
          'const a = \'import "../app/a.ts"\';',
          "const b = `import '../app/a.ts'; ${a ? `${{ a }} import '../app/b.ts'` : \"import '../app/c.ts'\"}`;",
          "const c = /import '..\\/app[/']a'/.test(b) && 4 / 2 / 1;",
          "export { a, b, c };\nexport const from = '../app/a.ts';",
          "const d = import.meta.url + x.import('../app/a.ts');",
        ].join('\n'),
      }),
    ).toEqual([]);
  });

  it('sees the import after all of that', () => {
    const lines = [
      "const a = `${'`'}`;",
      'const b = /[`/]/;',
      "import {\n  type A,\n  b,\n} from '../app/a.ts';",
    ];
    expect(violationsOf({ 'src/vm/a.ts': lines.join('\n') })).toEqual([
      expect.stringMatching(/^src\/vm\/a\.ts:3 imports src\/app\/a\.ts/),
    ]);
  });
});
