import { access, constants } from 'node:fs/promises';
import { arch } from 'node:os';
import { run } from './run.ts';

/** Which kind of guest this machine can run, for a domain's `type`, and why. */
export interface Virtualization {
  readonly type: 'kvm' | 'qemu';
  readonly why: string;
}

/** Finds out whether KVM works here; where it does not, QEMU emulates the guest's processor. */
export async function virtualization(): Promise<Virtualization> {
  const opens = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!opens) return { type: 'qemu', why: '/dev/kvm is not there or cannot be opened' };
  // The device may be there without a processor behind it, in a virtual machine above all.
  const qemu = arch() === 'arm64' ? 'qemu-system-aarch64' : 'qemu-system-x86_64';
  const makesVm = await run(qemu, ['-machine', 'none,accel=kvm', '-nodefaults', '-display', 'none', '-monitor', 'stdio'], {
    input: 'quit\n',
  }).then(
    () => true,
    () => false,
  );
  if (!makesVm) return { type: 'qemu', why: '/dev/kvm opens but makes no virtual machine' };
  const failure = await hostFailure();
  return failure === null
    ? { type: 'kvm', why: '/dev/kvm works and virt-host-validate agrees' }
    : { type: 'qemu', why: `virt-host-validate: ${failure}` };
}

/** What virt-host-validate finds wrong with hardware virtualization, or null. Its exit code also counts what a guest can do without. */
async function hostFailure(): Promise<string | null> {
  const report = await run('sh', ['-c', 'virt-host-validate qemu || true']);
  const line = report.split('\n').find((text) => /hardware virtualization|\/dev\/kvm/.test(text) && text.includes('FAIL'));
  return line?.replace(/^\s*QEMU:\s*/, '').replaceAll(/\s+/g, ' ') ?? null;
}
