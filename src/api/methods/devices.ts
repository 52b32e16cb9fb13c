/** Device classes. What can be done with devices comes with the classes themselves. */
import { deviceClasses } from '../../devices/device-class.ts';
import type { Handler } from '../call.ts';

export const devices = {
  'admin.deviceclass.List': ({ visible }) =>
    visible(deviceClasses())
      .map((name) => `${name}\n`)
      .join(''),
} satisfies Record<string, Handler>;
