import { QubesValueError } from '../base/errors.ts';
import { isTreeVolume, type TreeSource } from '../storage/tree-source.ts';
import type { QubesVM } from '../vm/qubes-vm.ts';
import type { Qubes } from './qubes.ts';

/**
 * Replaces the system a domain holds with what `source` builds. Refused while the domain is started. The domain's
 * feature `template-source` says afterwards what it was built from.
 */
export async function buildTemplate(system: Qubes, vm: QubesVM, source: TreeSource): Promise<void> {
  const root = vm.volumes.get('root');
  if (root.config.snapOnStart)
    throw new QubesValueError(`Domain ${vm.name} runs on its template's system and holds none of its own`);
  if (!isTreeVolume(root))
    throw new QubesValueError(`The pool of ${vm.name}'s root volume does not keep directory trees`);
  await vm.whileHalted('rebuilt', () =>
    root.populate(source, {
      onProgress: (line) => system.log.info('building a template', { domain: vm.name, line }),
    }),
  );
  await system.change((change) => {
    vm.features.set(change, 'template-source', source.name);
    vm.features.set(change, 'os', 'Linux');
  });
}
