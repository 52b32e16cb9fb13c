import { METHODS, type Method } from '../../src/api/contract/methods.ts';
import { code, markdownTable } from './markdown.ts';

const DESTINATIONS = { adminvm: '`dom0`', domain: 'a domain', any: 'either' } as const;
const WANTED = { required: 'yes', optional: 'may', none: '' } as const;

/** Every method of the Admin API. */
export function methodsTable(): string {
  const rows = Object.entries<Method>(METHODS).map(([name, method]) => [
    code(name),
    DESTINATIONS[method.destination],
    WANTED[method.argument],
    WANTED[method.payload],
    method.effect,
    method.doc,
  ]);
  return markdownTable(['Method', 'Destination', 'Argument', 'Payload', 'Effect', 'What it does'], rows);
}
