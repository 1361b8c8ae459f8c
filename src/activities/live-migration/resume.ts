import { setTimeout } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { ErrorCode, isLibvirtError, type Libvirt } from '../../libvirt/index.ts';
import { sightOf } from './sight.ts';
import { type Passage, resumePostCopy } from './start.ts';

/** TCP, which QEMU leaves to find out, sends again after 2 minutes at most: one that is to go on by itself has done so by then. */
const byItselfMs = 150_000;
const pollMs = 2_000;

/**
 * Takes up a post-copy that broke off. libvirt gives one up after 30 s without its peer and QEMU does not: as long as its connection lives it
 * cannot be taken up (seen in libvirt 9: "QEMU reports migration is still running"), and goes on by itself once the hosts reach one another.
 * That is waited for. Its connection is not broken from here: a destination that had not got all of the guest's devices ends then (seen).
 */
export async function resumedPostCopy(libvirt: Libvirt, uuid: string, passage: Passage): Promise<void> {
  const { cancellationSignal } = Context.current();
  const deadline = performance.now() + byItselfMs;
  for (;;) {
    try {
      await resumePostCopy(libvirt, uuid, passage);
      return;
    } catch (error) {
      if (!isLibvirtError(error, ErrorCode.operationInvalid)) throw error;
      if ((await sightOf(libvirt, uuid)).state !== 'broken') return;
      if (performance.now() > deadline || cancellationSignal.aborted) throw error;
    }
    await setTimeout(pollMs);
  }
}
