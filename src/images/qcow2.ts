import { brokenRule, type ImageHeader, type ImageView, type Rule, refused } from './verdict.ts';

/** The header of a qcow2 file as far as it decides whether we take the file (docs/interop/qcow2.txt of QEMU). */
interface Qcow2Header {
  readonly version: number;
  readonly backingFileOffset: bigint;
  readonly clusterBits: number;
  readonly virtualSizeBytes: bigint;
  readonly encryption: number;
  readonly l1Entries: number;
  readonly l1Offset: bigint;
  readonly refcountTableOffset: bigint;
  readonly refcountTableClusters: number;
  readonly incompatibleFeatures: bigint;
  readonly refcountOrder: number;
  readonly headerBytes: number;
  readonly snapshots: number;
  readonly snapshotsOffset: bigint;
  /** Of the clusters that are compressed; 0 is zlib. */
  readonly compression: number;
  /** The types of its header's extensions; null when they do not end. */
  readonly extensions: readonly number[] | null;
}

/** How much of a file `backingNameIn` wants to see. */
export const QCOW2_HEADER_BYTES = 20;

const MAGIC = 0x51_46_49_fb;
/** What QEMU takes of a backing file's name. */
const MAX_NAME_BYTES = 1023;

const V2_HEADER_BYTES = 72;
const V3_HEADER_BYTES = 104;
/** Of version 2, which has no field for it: 16 bits. */
const V2_REFCOUNT_ORDER = 4;

const DIRTY = 1n << 0n;
const CORRUPT = 1n << 1n;
const EXTERNAL_DATA = 1n << 2n;
const COMPRESSION_TYPE = 1n << 3n;
const EXTENDED_L2 = 1n << 4n;
/** Features that change how the file is read, and nothing outside of it. */
const HARMLESS = COMPRESSION_TYPE | EXTENDED_L2;

const MAX_L1_BYTES = 32n * 1024n ** 2n;
const MAX_REFCOUNT_TABLE_BYTES = 8n * 1024n ** 2n;
const MAX_SNAPSHOTS = 65_536;
/** Of a snapshot without a name (`QCowSnapshotHeader`). */
const SNAPSHOT_BYTES = 40n;
const EXTENSION = { end: 0, dataFile: 0x4441_5441, encryption: 0x0537_be77 } as const;

/** In the order in which they are told: first what would reach outside of the file. */
const rules: readonly Rule<Qcow2Header>[] = [
  { refusal: 'has a backing file', breaks: ({ backingFileOffset }) => backingFileOffset !== 0n },
  { refusal: 'keeps its data in another file', breaks: has(EXTERNAL_DATA) },
  { refusal: 'names another file for its data', breaks: ({ extensions }) => extensions?.includes(EXTENSION.dataFile) === true },
  { refusal: 'is encrypted', breaks: ({ encryption }) => encryption !== 0 },
  { refusal: 'has a header for encryption', breaks: ({ extensions }) => extensions?.includes(EXTENSION.encryption) === true },
  { refusal: 'is marked corrupt', breaks: has(CORRUPT) },
  { refusal: 'was not closed cleanly; `qemu-img check -r all` repairs it', breaks: has(DIRTY) },
  { refusal: 'uses features that are not known', breaks: has(~(HARMLESS | EXTERNAL_DATA | CORRUPT | DIRTY)) },
  { refusal: 'has a cluster size outside of 512 bytes to 2 MiB', breaks: ({ clusterBits }) => clusterBits < 9 || clusterBits > 21 },
  {
    refusal: 'has clusters that are too small for extended L2 entries',
    breaks: (header, sizeBytes) => has(EXTENDED_L2)(header, sizeBytes) && header.clusterBits < 14,
  },
  { refusal: 'has reference counts of more than 64 bits', breaks: ({ refcountOrder }) => refcountOrder > 6 },
  {
    refusal: 'has a header length that cannot be',
    breaks: ({ version, headerBytes, clusterBits }) =>
      version === 3 && (headerBytes < V3_HEADER_BYTES || headerBytes % 8 !== 0 || headerBytes > 2 ** clusterBits),
  },
  { refusal: 'has header extensions without an end', breaks: ({ extensions }) => extensions === null },
  {
    refusal: 'has a compression that is not known',
    breaks: (header, sizeBytes) => (has(COMPRESSION_TYPE)(header, sizeBytes) ? header.compression !== 1 : header.compression !== 0),
  },
  { refusal: 'is an empty disk', breaks: ({ virtualSizeBytes }) => virtualSizeBytes === 0n },
  { refusal: 'has a virtual size that cannot be', breaks: ({ virtualSizeBytes }) => virtualSizeBytes > BigInt(Number.MAX_SAFE_INTEGER) },
  { refusal: 'has an L1 table larger than 32 MiB', breaks: ({ l1Entries }) => BigInt(l1Entries) * 8n > MAX_L1_BYTES },
  {
    refusal: 'has an L1 table that is too small for its virtual size',
    breaks: (header) => BigInt(header.l1Entries) < l1EntriesNeeded(header),
  },
  {
    refusal: 'is truncated: its L1 table lies outside of the file',
    breaks: (header, sizeBytes) => liesOutside(header, header.l1Offset, BigInt(header.l1Entries) * 8n, sizeBytes),
  },
  { refusal: 'has no refcount table', breaks: ({ refcountTableClusters }) => refcountTableClusters === 0 },
  { refusal: 'has a refcount table larger than 8 MiB', breaks: (header) => refcountTableBytes(header) > MAX_REFCOUNT_TABLE_BYTES },
  {
    refusal: 'is truncated: its refcount table lies outside of the file',
    breaks: (header, sizeBytes) => liesOutside(header, header.refcountTableOffset, refcountTableBytes(header), sizeBytes),
  },
  { refusal: 'has more than 65,536 snapshots', breaks: ({ snapshots }) => snapshots > MAX_SNAPSHOTS },
  {
    refusal: 'is truncated: its snapshot table lies outside of the file',
    breaks: (header, sizeBytes) =>
      header.snapshots > 0 && liesOutside(header, header.snapshotsOffset, BigInt(header.snapshots) * SNAPSHOT_BYTES, sizeBytes),
  },
];

/**
 * Judges a qcow2 file by its header: nothing in it may point out of the file.
 * The tables are not walked: `qemu-img check` under limits does that.
 */
export function readQcow2({ head, sizeBytes }: ImageView): ImageHeader {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const version = view.byteLength < V2_HEADER_BYTES ? 0 : view.getUint32(4);
  if (version === 0) return refused('is truncated: it ends within its header');
  if (version !== 2 && version !== 3) return refused(`has version ${version}, known are 2 and 3`);
  if (version === 3 && view.byteLength < V3_HEADER_BYTES) return refused('is truncated: it ends within its header');
  const header = headerOf(view, version);
  const broken = brokenRule(rules, header, sizeBytes);
  return broken === null ? { virtualSizeBytes: Number(header.virtualSizeBytes), refusal: null } : refused(broken);
}

/** Where in a qcow2 file the name of its backing file is; null when it has none, or is something else. */
export function backingNameIn(head: Uint8Array): { readonly offset: number; readonly bytes: number } | null {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (view.byteLength < QCOW2_HEADER_BYTES || view.getUint32(0) !== MAGIC) return null;
  const [offset, bytes] = [view.getBigUint64(8), view.getUint32(16)];
  if (offset === 0n || offset > BigInt(Number.MAX_SAFE_INTEGER) || bytes === 0) return null;
  return { offset: Number(offset), bytes: Math.min(bytes, MAX_NAME_BYTES) };
}

function headerOf(view: DataView, version: 2 | 3): Qcow2Header {
  const headerBytes = version === 2 ? V2_HEADER_BYTES : view.getUint32(100);
  const clusterBits = view.getUint32(20);
  return {
    version,
    backingFileOffset: view.getBigUint64(8),
    clusterBits,
    virtualSizeBytes: view.getBigUint64(24),
    encryption: view.getUint32(32),
    l1Entries: view.getUint32(36),
    l1Offset: view.getBigUint64(40),
    refcountTableOffset: view.getBigUint64(48),
    refcountTableClusters: view.getUint32(56),
    snapshots: view.getUint32(60),
    snapshotsOffset: view.getBigUint64(64),
    incompatibleFeatures: version === 2 ? 0n : view.getBigUint64(72),
    refcountOrder: version === 2 ? V2_REFCOUNT_ORDER : view.getUint32(96),
    headerBytes,
    compression: version === 3 && headerBytes > V3_HEADER_BYTES && view.byteLength > V3_HEADER_BYTES ? view.getUint8(V3_HEADER_BYTES) : 0,
    extensions: extensionsBehind(headerBytes, view, Math.min(view.byteLength, 2 ** Math.min(clusterBits, 21))),
  };
}

/** Types of the extensions that follow the header, up to the one that ends them; null when they leave the first cluster, or what is seen of it. */
function extensionsBehind(headerBytes: number, view: DataView, end: number): readonly number[] | null {
  const types: number[] = [];
  for (let at = headerBytes; at + 8 <= end; ) {
    const [type, bytes] = [view.getUint32(at), view.getUint32(at + 4)];
    if (type === EXTENSION.end) return types;
    types.push(type);
    at += 8 + Math.ceil(bytes / 8) * 8;
  }
  return null;
}

function has(features: bigint): Rule<Qcow2Header>['breaks'] {
  return ({ incompatibleFeatures }) => (incompatibleFeatures & features) !== 0n;
}

/** An L2 table is one cluster of 8-byte entries, 16-byte ones with extended L2; each entry stands for a cluster. */
function l1EntriesNeeded({ clusterBits, virtualSizeBytes, incompatibleFeatures }: Qcow2Header): bigint {
  const entryBits = (incompatibleFeatures & EXTENDED_L2) === 0n ? 3 : 4;
  const bytesAnL2Table = 1n << BigInt(clusterBits + clusterBits - entryBits);
  return (virtualSizeBytes + bytesAnL2Table - 1n) / bytesAnL2Table;
}

function liesOutside({ clusterBits }: Qcow2Header, offset: bigint, bytes: bigint, fileSizeBytes: bigint): boolean {
  const isAligned = offset % (1n << BigInt(clusterBits)) === 0n;
  return offset === 0n || !isAligned || offset + bytes > fileSizeBytes;
}

function refcountTableBytes({ refcountTableClusters, clusterBits }: Qcow2Header): bigint {
  return BigInt(refcountTableClusters) << BigInt(clusterBits);
}
