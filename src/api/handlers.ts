import type { Handler } from './call.ts';
import { METHODS, type MethodName } from './contract/methods.ts';
import { batch } from './methods/batch.ts';
import { devices } from './methods/devices.ts';
import { domains } from './methods/domains.ts';
import { features } from './methods/features.ts';
import { interchange } from './methods/interchange.ts';
import { labels } from './methods/labels.ts';
import { lifecycle } from './methods/lifecycle.ts';
import { systemProperties, vmProperties } from './methods/properties.ts';
import { system } from './methods/system.ts';
import { tags } from './methods/tags.ts';
import { volumes } from './methods/volumes.ts';

/** Served by the connection itself, for as long as it lasts. */
export const STREAMING: ReadonlySet<MethodName> = new Set(['admin.Events']);

/** Every method's handler. Throws RangeError when the method table and the handlers do not agree. */
export function allHandlers(): Readonly<Record<string, Handler>> {
  const handlers: Record<string, Handler> = {
    ...vmProperties,
    ...systemProperties,
    ...features,
    ...tags,
    ...labels,
    ...domains,
    ...lifecycle,
    ...volumes,
    ...devices,
    ...batch,
    ...system,
    ...interchange,
  };
  const declared = Object.keys(METHODS).filter((name) => !STREAMING.has(name as MethodName));
  const missing = declared.filter((name) => !handlers[name]);
  const unknown = Object.keys(handlers).filter((name) => !declared.includes(name));
  if (missing.length + unknown.length > 0)
    throw new RangeError(`methods without a handler: [${missing}]; handlers without a method: [${unknown}]`);
  return handlers;
}
