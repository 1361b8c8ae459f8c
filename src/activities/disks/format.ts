import type { FileSystem } from '../../model/file-systems.ts';
import type { Content } from '../../model/wanted-disks.ts';
import { isNotInstalled } from '../failures.ts';
import { fail } from '../record-client.ts';
import { run } from '../run.ts';

/** What a new disk is filled with; the image of a root disk is its own business. */
export type BlankContent = Exclude<Content, { readonly of: 'image' }>;

/** Formats the file or block device at `path`. Raises `FormatUnusableHere` when this host has no command for it. */
export async function format(path: string, content: BlankContent): Promise<void> {
  const [command, ...args] = formatCommand(content);
  try {
    await run(command, [...args, path]);
  } catch (error) {
    if (!isNotInstalled(error)) throw error;
    throw fail('FormatUnusableHere', `this host cannot make ${content.of === 'swap' ? 'swap' : content.type}: ${command} is not installed`);
  }
}

/** The command that formats the file or block device which follows it. */
export function formatCommand(content: BlankContent): readonly [command: string, ...args: string[]] {
  return content.of === 'swap' ? ['mkswap'] : makerOf(content);
}

/**
 * Forced, since they ask back where no whole disk is; quiet. Inode tables and journal of ext4 are left to the guest's kernel, so
 * that 1 TiB is made in 50 ms and takes 16 MiB; nothing is discarded, for a new disk has nothing.
 */
function makerOf({ type, label }: { readonly type: FileSystem; readonly label: string }): readonly [command: string, ...args: string[]] {
  switch (type) {
    case 'ext2':
    case 'ext3':
    case 'ext4':
      return [`mkfs.${type}`, '-q', '-F', '-E', 'lazy_itable_init=1,lazy_journal_init=1,nodiscard', '-L', label];
    case 'xfs':
      return ['mkfs.xfs', '-q', '-f', '-K', '-L', label];
    case 'vfat':
      return ['mkfs.vfat', '-I', '-n', label];
    case 'ntfs':
      return ['mkfs.ntfs', '-q', '-Q', '-F', '-L', label];
  }
}
