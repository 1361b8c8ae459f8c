import { access, constants } from 'node:fs/promises';
import { CommandFailed } from './failures.ts';
import { run } from './run.ts';

/**
 * Why guests cannot run on this host's processor, or null when they can. libvirt's word is not enough: it offers KVM wherever
 * the device opens, and in a virtual machine without nesting the guest's first instruction ends QEMU.
 */
export async function kvmProblem(): Promise<string | null> {
  try {
    await access('/dev/kvm', constants.R_OK | constants.W_OK);
  } catch {
    return '/dev/kvm cannot be opened';
  }
  const report = await run('virt-host-validate', ['qemu']).then(
    ({ stdout }) => stdout,
    // It fails for what a guest can do without, too.
    (error: unknown) => (error instanceof CommandFailed ? error.stdout : Promise.reject(error)),
  );
  return failedCheck(report);
}

/** The check of hardware virtualization that failed in a report of `virt-host-validate`, or null. */
export function failedCheck(report: string): string | null {
  const line = report.split('\n').find((text) => /hardware virtualization|\/dev\/kvm/.test(text) && text.includes('FAIL'));
  return line === undefined
    ? null
    : line
        .replace(/^\s*QEMU:\s*/, '')
        .replaceAll(/\s+/g, ' ')
        .trim();
}
