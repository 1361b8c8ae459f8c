/** As libvirt writes 9.0.0. */
const repairedIn = 9_000_000n;

/**
 * Whether QEMU may leave pages of a running guest behind when it migrates it. Without KVM it keeps, in the TLB of an emulated processor, that
 * a page is dirty already; before 9.0 (QEMU's commit 03bfc2188f06) it left that there when it cleared its list of dirty pages, so that what
 * the guest wrote to such a page after it was sent was in no list. That takes a third round of the memory, and a guest that is not paused.
 */
export function mayLosePages({ virtType, qemuVersion }: { virtType: string; qemuVersion: bigint }): boolean {
  return virtType !== 'kvm' && qemuVersion < repairedIn;
}
