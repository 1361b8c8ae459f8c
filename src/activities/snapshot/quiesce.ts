import { rm, writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { ErrorCode, isLibvirtError, type Libvirt, LibvirtError } from '../../libvirt/index.ts';
import { agentOf } from '../../model/live-disk.ts';
import { fail } from '../fail.ts';
import { faultPoint } from '../fault-hook.ts';
import { isThere } from '../is-there.ts';

/** A guest whose file systems its agent can freeze for a moment. */
export interface Quiesce {
  /** Raises `GuestNotQuiesced` where there is nobody to ask, and it has to be done. */
  readonly requireAgent: () => Promise<void>;
  /**
   * Does `work` while the file systems are frozen, and thaws them whatever becomes of it. A guest that cannot be frozen has its work
   * done all the same, and what stood in the way is returned; where it has to be frozen it raises `GuestNotQuiesced`.
   */
  readonly during: (work: () => Promise<void>) => Promise<string | null>;
}

const thawAttempts = 3;
const thawPauseMs = 200;

/**
 * @param marker is written before the guest is asked, and goes when it is thawed: who comes after a worker that was killed knows
 * @param isRequired the image's `os_require_quiesce`
 */
export function quiesceOf(libvirt: Libvirt, uuid: string, marker: string, isRequired: boolean): Quiesce {
  const agent = async () => agentOf(await libvirt.domainGetXmlDesc({ dom: { uuid } }));
  return {
    requireAgent: async () => {
      if (isRequired && (await agent()) !== 'connected') throw unquiesced('its agent is not there');
    },
    during: async (work) => {
      const found = await agent();
      const obstacle = found === 'connected' ? null : 'its agent does not answer';
      if (obstacle !== null && isRequired) throw unquiesced(obstacle);
      if (found !== 'connected') {
        await work();
        return found === 'none' ? null : obstacle;
      }
      try {
        await writeFile(marker, '');
        const problem = await freeze(libvirt, uuid);
        if (problem !== null && isRequired) throw unquiesced(problem);
        await faultPoint('frozen');
        await work();
        return problem;
      } finally {
        await thawIfFrozen(libvirt, uuid, marker);
      }
    },
  };
}

/**
 * Thaws a guest whose marker is there, and removes it. A guest that is off has nothing frozen. Raises what libvirt says when the agent
 * does not answer any more: the marker stays, and a retry thaws first.
 */
export async function thawIfFrozen(libvirt: Libvirt, uuid: string, marker: string): Promise<void> {
  if (!(await isThere(marker))) return;
  for (let attempt = 1; !(await isThawed(libvirt, uuid, attempt === thawAttempts)); attempt += 1) await setTimeout(thawPauseMs);
  await rm(marker, { force: true });
}

async function isThawed(libvirt: Libvirt, uuid: string, isLast: boolean): Promise<boolean> {
  try {
    await libvirt.domainFsThaw({ dom: { uuid }, mountPoints: [] });
    return true;
  } catch (error) {
    if (isLibvirtError(error, ErrorCode.operationInvalid) || isLibvirtError(error, ErrorCode.noDomain)) return true;
    if (isLast || !(error instanceof LibvirtError)) throw error;
    return false;
  }
}

/** What the agent says against it, or null. */
async function freeze(libvirt: Libvirt, uuid: string): Promise<string | null> {
  try {
    await libvirt.domainFsFreeze({ dom: { uuid }, mountPoints: [] });
    return null;
  } catch (error) {
    if (!(error instanceof LibvirtError)) throw error;
    return error.message;
  }
}

function unquiesced(why: string): Error {
  return fail('GuestNotQuiesced', `the image has os_require_quiesce, and the guest could not be frozen: ${why}`);
}
