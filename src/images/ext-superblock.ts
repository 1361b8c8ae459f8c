/** As much of a disk as has to be read to tell what it begins with. */
export const EXT_START_BYTES = 64 * 1024;

/** A file system of ext2, ext3 or ext4 that fills a disk from its first byte. */
export interface ExtFileSystem {
  readonly sizeBytes: number;
}

const superblockOffset = 1024;
const superblockBytes = 1024;
const maxLogBlockSize = 6; // 64 KiB
/** `s_state`: cleanly unmounted, errors found, orphans being removed. */
const knownStates = 0x7;
/** `INCOMPAT_JOURNAL_DEV`: a journal for another file system, and none itself. */
const isJournalDevice = 0x8;
const is64Bit = 0x80;

/**
 * The ext file system that a disk of this beginning holds, or null: a partition table comes first, the superblock's fields
 * do not belong together, or it holds something else. Trusts nothing: these bytes are whatever somebody imported.
 */
export function extFileSystemIn(start: Buffer): ExtFileSystem | null {
  if (start.length < superblockOffset + superblockBytes || hasPartitions(start)) return null;
  const fields = fieldsOf(start.subarray(superblockOffset, superblockOffset + superblockBytes));
  return isSane(fields) ? { sizeBytes: Number(fields.blocks) * fields.blockBytes } : null;
}

/** A boot sector's mark stands for an MBR, whatever its table says; a GPT lies in the second sector, which has 512 or 4096 bytes. */
function hasPartitions(start: Buffer): boolean {
  const isGpt = [512, 4096].some((sectorBytes) => start.toString('latin1', sectorBytes, sectorBytes + 8) === 'EFI PART');
  return isGpt || start.readUInt16BE(510) === 0x55aa;
}

interface Fields {
  readonly magic: number;
  readonly inodes: number;
  readonly blocks: bigint;
  readonly firstDataBlock: number;
  readonly logBlockSize: number;
  readonly blockBytes: number;
  readonly blocksPerGroup: number;
  readonly inodesPerGroup: number;
  readonly state: number;
  readonly revision: number;
  readonly incompatible: number;
}

/** `struct ext4_super_block`. */
function fieldsOf(block: Buffer): Fields {
  const incompatible = block.readUInt32LE(0x60);
  const logBlockSize = block.readUInt32LE(0x18);
  const highBlocks = (incompatible & is64Bit) === 0 ? 0 : block.readUInt32LE(0x150);
  return {
    magic: block.readUInt16LE(0x38),
    inodes: block.readUInt32LE(0),
    blocks: (BigInt(highBlocks) << 32n) | BigInt(block.readUInt32LE(4)),
    firstDataBlock: block.readUInt32LE(0x14),
    logBlockSize,
    blockBytes: 1024 * 2 ** Math.min(logBlockSize, maxLogBlockSize),
    blocksPerGroup: block.readUInt32LE(0x20),
    inodesPerGroup: block.readUInt32LE(0x28),
    state: block.readUInt16LE(0x3a),
    revision: block.readUInt32LE(0x4c),
    incompatible,
  };
}

function isSane(fields: Fields): boolean {
  const { magic, inodes, blocks, firstDataBlock, logBlockSize, blockBytes, blocksPerGroup, inodesPerGroup, state, revision } = fields;
  if (magic !== 0xef53 || logBlockSize > maxLogBlockSize || revision > 1 || (state & ~knownStates) !== 0) return false;
  if ((fields.incompatible & isJournalDevice) !== 0) return false;
  // Only blocks of 1 KiB leave a block for the boot sector; a group's bitmap is one block.
  if (firstDataBlock !== (blockBytes === 1024 ? 1 : 0) || blocks <= BigInt(firstDataBlock)) return false;
  if (blocksPerGroup === 0 || blocksPerGroup > blockBytes * 8 || inodesPerGroup === 0 || inodesPerGroup > blockBytes * 8) return false;
  const groups = (blocks - BigInt(firstDataBlock) + BigInt(blocksPerGroup) - 1n) / BigInt(blocksPerGroup);
  return BigInt(inodes) === groups * BigInt(inodesPerGroup) && blocks * BigInt(blockBytes) <= BigInt(Number.MAX_SAFE_INTEGER);
}
