import { expect, test } from 'vitest';
import { QubesValueError } from '../../../src/base/errors.ts';
import { checkedDeviceId, checkedPortId } from '../../../src/devices/device.ts';

test('no port or device may have the name by which a call means any', () => {
  expect(() => checkedPortId('_')).toThrow(QubesValueError);
  expect(() => checkedDeviceId('_')).toThrow("Invalid device id '_': in a call it stands for any");
  expect(checkedPortId('_a')).toBe('_a');
});
