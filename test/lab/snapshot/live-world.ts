import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { LiveCopyInput } from '../../../src/activities/snapshot/live.ts';
import { DomainAffect, type Libvirt, MetadataType } from '../../../src/libvirt/index.ts';
import { METADATA_NAMESPACE } from '../../../src/model/domain.ts';
import type { Disk } from '../../../src/model/instance.ts';
import { type LiveCopyPaths, liveCopyPaths } from '../../../src/model/live-copy.ts';
import type { Host, KnownGuest } from '../libvirt/world.ts';

/** An instance of ours on a plain libvirtd, with a disk `sda` that nobody writes to. */
export interface Snapped {
  readonly guest: KnownGuest;
  /** The path of the disk. */
  readonly path: string;
  readonly paths: LiveCopyPaths;
  /** What the activities are called with. */
  readonly input: LiveCopyInput;
}

/** What the disk is. */
export interface DiskParts {
  readonly format: 'qcow2' | 'raw';
  /** The block device that it is; else it is a file. */
  readonly device?: string;
  /** Writes the disk, and returns XML for what it stands on. */
  readonly write: (path: string) => Promise<string>;
  /** More devices of the guest. */
  readonly devices?: string;
}

/** Makes such an instance, whose guest runs. */
export async function startSnapped({ daemon, libvirt, define }: Host, parts: DiskParts): Promise<Snapped> {
  const { format, device, write, devices = '' } = parts;
  const [uuid, imageId] = [randomUUID(), randomUUID()];
  const directory = join(daemon.directory, uuid);
  await mkdir(directory);
  const path = device ?? join(directory, 'disk');
  const backing = await write(path);
  const [type, source, more] = device === undefined ? ['file', 'file', ''] : ['block', 'dev', " detect_zeroes='on'"];
  const guest = await define({
    uuid,
    devices: `<disk type='${type}' device='disk'><driver name='qemu' type='${format}' cache='none'${more}/><source ${source}='${path}'/>
      ${backing}<target dev='sda' bus='scsi'/></disk>${devices}`,
  });
  const metadata = { type: MetadataType.element, metadata: '<instance/>', key: 'novaflow', uri: METADATA_NAMESPACE };
  await libvirt.domainSetMetadata({ dom: guest.dom, ...metadata, flags: DomainAffect.config });
  await libvirt.domainCreateWithFlags({ dom: guest.dom });
  const file: Disk = { name: 'disk', target: 'sda', kind: format, format, sizeBytes: 0, backing: null };
  const disk: Disk = device === undefined ? file : { ...file, kind: 'isolate', device };
  return {
    guest,
    path,
    paths: liveCopyPaths(directory, imageId),
    input: { token: { run: 'run', generation: 1 }, instanceId: uuid, disk, imageId },
  };
}

/** The same libvirt, whose copies take a second for each so many bytes, and which counts those that it began. */
export function slowly(libvirt: Libvirt, bytesPerSecond: bigint): { libvirt: Libvirt; begun: () => number } {
  let begun = 0;
  const domainBlockCopy: Libvirt['domainBlockCopy'] = (given) => {
    begun += 1;
    return libvirt.domainBlockCopy({ ...given, params: [{ field: 'bandwidth', type: 'ullong', value: bytesPerSecond }] });
  };
  return { libvirt: { ...libvirt, domainBlockCopy }, begun: () => begun };
}
