import { expect, test } from 'vitest';
import { mayLosePages } from '../../../src/model/live-migration/lost-pages.ts';

test.for([
  ['an emulated guest under QEMU 7.2', 'qemu', 7_002_022n, true],
  ['an emulated guest under the last QEMU before 9.0', 'qemu', 8_002_010n, true],
  ['an emulated guest under QEMU 9.0', 'qemu', 9_000_000n, false],
  ['a guest under KVM, which tells itself what is dirty', 'kvm', 7_002_022n, false],
] as const)('%s', ([, virtType, qemuVersion, may]) => {
  expect(mayLosePages({ virtType, qemuVersion })).toBe(may);
});
