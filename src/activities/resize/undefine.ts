import { DomainUndefine, type Libvirt } from '../../libvirt/index.ts';
import { guestOf } from '../guest.ts';

/** The UEFI variables and the like lie beside the disks, and are moved and removed with them: libvirt removes none. */
const flags =
  DomainUndefine.managedSave |
  DomainUndefine.snapshotsMetadata |
  DomainUndefine.keepNvram |
  DomainUndefine.checkpointsMetadata |
  DomainUndefine.keepTpm;

/** Leaves no domain of an instance on this host, its guest off; files stay. Right when there is none. Raises `DomainStateConflict` for one that is not ours. */
export async function undefineKeepingFiles(libvirt: Libvirt, uuid: string): Promise<void> {
  const guest = guestOf(libvirt, uuid);
  if ((await guest.state()) === null) return;
  await guest.requireOurs();
  await guest.switchOff();
  await libvirt.domainUndefineFlags({ dom: { uuid }, flags });
}
