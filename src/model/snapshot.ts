import type { Disk, Instance } from './instance.ts';
import { qemuFormatOf } from './qemu-format.ts';

/** What the image of a disk may be kept in. */
export const snapshotFormats = ['qcow2', 'raw'] as const;
export type SnapshotFormat = (typeof snapshotFormats)[number];

/** Where an instance's directory has what is on its way to become the image. Nothing of it stays there. */
export const snapshotsDirectory = 'snapshots';

/** The format of a disk's image when nobody asks for another: what the disk itself has, as recorded. */
export function formatOfImage({ format }: Disk): SnapshotFormat {
  return qemuFormatOf(format);
}

const GiB = 1024 ** 3;

/** The smallest root disk that the image of this one fits on. */
export function minRootGiBOf({ sizeBytes }: Disk): number {
  return Math.ceil(sizeBytes / GiB);
}

/** Which properties of an image say something of it alone, and not of what is made from it. */
const ownProperties: ReadonlySet<string> = new Set(['image_type', 'instance_uuid', 'base_image_ref', 'backup_type', 'disks_not_contained']);

/** A signature is of the bytes of one image (Nova's `NON_INHERITABLE_IMAGE_PROPERTIES`). */
const signature = /^img_signature/;

/**
 * The properties of the image of an instance: those of the image that it was built from, which say what devices its guests have, then
 * whose image it is, by Nova's names. Disks beside the root disk are not contained, and listed.
 */
export function snapshotProperties(
  { id, image, disks }: Pick<Instance, 'id' | 'image' | 'disks'>,
  root: Disk,
  base: Readonly<Record<string, string>>,
  given: Readonly<Record<string, string>>,
  backupType: string | null,
): Readonly<Record<string, string>> {
  const inherited = Object.entries(base).filter(([key]) => !ownProperties.has(key) && !signature.test(key));
  const left = disks.filter(({ name }) => name !== root.name).map(({ name }) => name);
  return {
    ...Object.fromEntries(inherited),
    ...given,
    ...(backupType === null ? { image_type: 'snapshot' } : { image_type: 'backup', backup_type: backupType }),
    instance_uuid: id,
    ...(image === null ? {} : { base_image_ref: image }),
    ...(left.length === 0 ? {} : { disks_not_contained: left.join(',') }),
  };
}

/** By what lists find the backups of an instance that take turns with one another. */
export function backupTag(instanceId: string, backupType: string): string {
  return `backup ${instanceId} ${backupType}`;
}

/** The tag of an image that is a backup, or null. */
export function backupTagOf({
  image_type: kind,
  instance_uuid: instanceId,
  backup_type: type,
}: Readonly<Record<string, string>>): string | null {
  return kind === 'backup' && instanceId !== undefined && type !== undefined ? backupTag(instanceId, type) : null;
}

/** The backups that are too many: all but the newest so many (Nova's `_rotate_backups`), oldest first. */
export function outdated<Backup extends { readonly createdAt: string }>(backups: readonly Backup[], rotation: number): readonly Backup[] {
  const oldestFirst = backups.toSorted((one, other) => (one.createdAt < other.createdAt ? -1 : 1));
  return oldestFirst.slice(0, Math.max(0, oldestFirst.length - rotation));
}
