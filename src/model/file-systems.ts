/** What a new ephemeral disk may be formatted with. */
export const fileSystems = ['ext2', 'ext3', 'ext4', 'xfs', 'vfat', 'ntfs'] as const;
export type FileSystem = (typeof fileSystems)[number];

/** Whether a name is one of them. */
export function isFileSystem(name: string): name is FileSystem {
  return fileSystems.some((known) => known === name);
}

const byOperatingSystem: ReadonlyMap<string, FileSystem> = new Map([
  ['linux', 'ext4'],
  ['windows', 'ntfs'],
]);

/** The file system for an image's `os_type` (Nova's `_DEFAULT_FS_BY_OSTYPE`); what neither says anything else to is read by everybody. */
export function fileSystemFor(osType: string | undefined): FileSystem {
  return byOperatingSystem.get(osType ?? '') ?? 'vfat';
}
