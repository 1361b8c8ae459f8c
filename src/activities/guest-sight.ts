import { DomainState, type Libvirt, PausedReason, ShutoffReason } from '../libvirt/index.ts';
import type { Sighting } from '../model/power-sync.ts';
import { isNoDomain } from './failures.ts';
import { powerStateOf } from './power-state.ts';

/** A guest as it stands; `wasCutOff`: it ended with its host, by nobody's wish. */
export interface Sight extends Sighting {
  readonly wasCutOff: boolean;
}

/** No domain of that id is on the host. */
const absent: Sight = { powerState: 'nostate', trouble: null, wasCutOff: false };

/** As many as the protocol lets a daemon name (`REMOTE_DOMAIN_DISK_ERRORS_MAX`): it refuses to be asked for more. */
const maxDisks = 256;
/** `VIR_DOMAIN_DISK_ERROR_NO_SPACE`; the only other one is unspecified. */
const noSpace = 2;
/** libvirt forgets why a guest of before a reboot is off. */
const unknownReason = 0;

/** Looks at a guest. Why libvirt says `paused (migration)` after a restore is not asked: a paused guest is paused. */
export async function lookAt(libvirt: Libvirt, uuid: string): Promise<Sight> {
  try {
    const { state, reason } = await libvirt.domainGetState({ dom: { uuid } });
    const isOff = state === DomainState.shutoff;
    if (state === DomainState.crashed || (isOff && reason === ShutoffReason.crashed)) {
      return { powerState: 'crashed', trouble: { type: 'GuestCrashed', message: 'the guest crashed, or its QEMU did' }, wasCutOff: false };
    }
    const wasCutOff = isOff && (reason === unknownReason || reason === ShutoffReason.daemon);
    const isTroubled = state === DomainState.paused && reason === PausedReason.ioError;
    return { powerState: powerStateOf(state), trouble: isTroubled ? await ioTrouble(libvirt, uuid) : null, wasCutOff };
  } catch (error) {
    if (isNoDomain(error)) return absent;
    throw error;
  }
}

async function ioTrouble(libvirt: Libvirt, uuid: string): Promise<Sighting['trouble']> {
  const { errors } = await libvirt.domainGetDiskErrors({ dom: { uuid }, maxErrors: maxDisks });
  const disks = errors.map(({ disk, error }) => `${disk} (${error === noSpace ? 'no space is left' : 'an I/O error'})`);
  return { type: 'GuestIoError', message: `the guest stands still because of ${disks.join(', ') || 'an I/O error'}` };
}
