import { expect, test } from 'vitest';
import { failedCheck } from '../../src/activities/kvm.ts';

/** As virt-host-validate 9.0.0 writes it. */
function report(...checks: readonly (readonly [string, string])[]): string {
  return checks.map(([check, result]) => `  QEMU: Checking ${check.padEnd(60)}: ${result}\n`).join('');
}

const works = [
  ['for hardware virtualization', 'PASS'],
  ['if device /dev/kvm exists', 'PASS'],
  ['if device /dev/kvm is accessible', 'PASS'],
] as const;

test.for<[string, string, string | null]>([
  ['all that a guest needs is there', report(...works), null],
  [
    'only what a guest can do without is missing',
    report(
      ...works,
      ["for cgroup 'devices' controller support", 'FAIL (Enable it)'],
      ['for device assignment IOMMU support', 'WARN (No ACPI)'],
    ),
    null,
  ],
  [
    'the processor cannot virtualize',
    report(['for hardware virtualization', 'FAIL (HW virtualization CPU features not found)'], ['if device /dev/net/tun exists', 'PASS']),
    'Checking for hardware virtualization : FAIL (HW virtualization CPU features not found)',
  ],
  [
    'the device is missing',
    report(
      ['for hardware virtualization', 'PASS'],
      ['if device /dev/kvm exists', "FAIL (Check that the 'kvm-intel' or 'kvm-amd' modules are loaded)"],
    ),
    "Checking if device /dev/kvm exists : FAIL (Check that the 'kvm-intel' or 'kvm-amd' modules are loaded)",
  ],
  ['nothing was checked', '', null],
])('a report tells that %s', ([, text, expected]) => {
  expect(failedCheck(text)).toBe(expected);
});
