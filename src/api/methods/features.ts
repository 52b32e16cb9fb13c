/** `admin.vm.feature.*` */
import { QubesFeatureNotFoundError } from '../../base/errors.ts';
import type { Features } from '../../vm/features.ts';
import type { Call, Handler } from '../call.ts';
import { asciiPayload } from '../payload.ts';

type LookUp = (features: Features, name: string) => string | undefined;

function read(lookUp: LookUp): Handler {
  return ({ destination, untrustedArgument }: Call) => {
    const value = lookUp(destination.features, untrustedArgument);
    if (value === undefined) throw new QubesFeatureNotFoundError(destination.name, untrustedArgument);
    return value;
  };
}

export const features = {
  'admin.vm.feature.List': ({ destination, visible }) =>
    visible(destination.features.names())
      .map((name) => `${name}\n`)
      .join(''),
  'admin.vm.feature.Get': read((own, name) => own.get(name)),
  'admin.vm.feature.CheckWithTemplate': read((own, name) => own.withTemplate(name)),
  'admin.vm.feature.CheckWithNetvm': read((own, name) => own.withNetvm(name)),
  'admin.vm.feature.CheckWithAdminVM': read((own, name) => own.withAdminVM(name)),
  'admin.vm.feature.CheckWithTemplateAndAdminVM': read((own, name) => own.withTemplateAndAdminVM(name)),
  async 'admin.vm.feature.Set'({ system, destination, untrustedArgument, untrustedPayload }) {
    const untrustedValue = asciiPayload(untrustedPayload);
    await system.change((change) => destination.features.set(change, untrustedArgument, untrustedValue));
    return '';
  },
  async 'admin.vm.feature.Remove'({ system, destination, untrustedArgument }) {
    await system.change((change) => destination.features.delete(change, untrustedArgument));
    return '';
  },
} satisfies Record<string, Handler>;
