import { brokenRule, type ImageHeader, type ImageView, type Rule, refused } from './verdict.ts';
import { parseVmdkDescriptor, type VmdkDescriptor } from './vmdk-descriptor.ts';

/** The header of a hosted sparse extent (VMware's "Virtual Disk Format 5.0"); sizes and offsets in sectors. */
interface VmdkHeader {
  readonly version: number;
  readonly flags: number;
  readonly capacity: bigint;
  readonly grain: bigint;
  readonly descriptorOffset: bigint;
  readonly descriptorSize: bigint;
  readonly entriesPerTable: number;
  readonly directoryOffset: bigint;
  readonly newlines: string;
  readonly compression: number;
}

const SECTOR = 512n;
const HEADER_BYTES = 79;
const COMPRESSED = 1 << 16;
/** Of an image that was written in one go: the directory's place is known at the end only, and told in a footer. */
const AT_END = (1n << 64n) - 1n;
const END_MARKERS = { footer: 3, endOfStream: 0 };
const NO_PARENT = /^f{8}$/i;
const subformats: readonly (string | null)[] = ['monolithicSparse', 'streamOptimized'];

const headerRules: readonly Rule<VmdkHeader>[] = [
  { refusal: 'has a version that is not known', breaks: ({ version }) => version < 1 || version > 3 },
  { refusal: 'was damaged when it was copied as text', breaks: ({ newlines }) => newlines !== '\n \r\n' },
  // QEMU takes a disk of no size for a descriptor, and opens the files that it names.
  { refusal: 'is an empty disk', breaks: ({ capacity }) => capacity === 0n },
  { refusal: 'has a virtual size that cannot be', breaks: ({ capacity }) => capacity * SECTOR > BigInt(Number.MAX_SAFE_INTEGER) },
  {
    refusal: 'has a grain size that cannot be',
    breaks: ({ grain }) => grain < 8n || grain > 0x1_0000n || (grain & (grain - 1n)) !== 0n,
  },
  { refusal: 'has grain tables of a size that cannot be', breaks: ({ entriesPerTable }) => entriesPerTable < 1 || entriesPerTable > 512 },
  { refusal: 'has a compression that is not known', breaks: ({ compression }) => compression > 1 },
  {
    refusal: 'contradicts itself: whether it is compressed',
    breaks: ({ compression, flags }) => (compression === 1) !== ((flags & COMPRESSED) !== 0),
  },
  { refusal: 'has no descriptor', breaks: ({ descriptorOffset, descriptorSize }) => descriptorOffset === 0n || descriptorSize === 0n },
];

const directoryRules: readonly Rule<VmdkHeader>[] = [
  { refusal: 'has no grain directory', breaks: ({ directoryOffset }) => directoryOffset === 0n || directoryOffset === AT_END },
  {
    refusal: 'is truncated: its grain directory lies outside of the file',
    breaks: (header, sizeBytes) => header.directoryOffset * SECTOR + directoryBytes(header) > sizeBytes,
  },
];

interface Described extends VmdkDescriptor {
  readonly header: VmdkHeader;
}

/** In the order in which they are told: first what would reach outside of the file. */
const descriptorRules: readonly Rule<Described>[] = [
  { refusal: 'names another file', breaks: ({ filesNamed }) => filesNamed.length > 0 },
  { refusal: 'has a parent', breaks: ({ parentCid }) => parentCid === null || !NO_PARENT.test(parentCid) },
  { refusal: 'is neither monolithicSparse nor streamOptimized', breaks: ({ createType }) => !subformats.includes(createType) },
  {
    refusal: 'contradicts itself: whether it is streamOptimized',
    breaks: ({ createType, header }) => (createType === 'streamOptimized') !== (header.compression === 1),
  },
  { refusal: 'does not consist of one extent', breaks: ({ extents }) => extents.length !== 1 },
  { refusal: 'has an extent that is not sparse', breaks: ({ extents }) => extents.some(({ type }) => type !== 'SPARSE') },
  { refusal: 'has an extent that is not to be read', breaks: ({ extents }) => extents.some(({ access }) => access === 'NOACCESS') },
  { refusal: 'has an extent with a path', breaks: ({ extents }) => extents.some(({ fileName }) => !/^[^/\\:]+$/.test(fileName)) },
  {
    refusal: 'contradicts itself: how large it is',
    breaks: ({ extents, header }) => extents.some(({ sectors }) => BigInt(sectors) !== header.capacity),
  },
];

/** Judges a VMDK by its header, its footer and its descriptor: one file, which names no other. */
export function readVmdk(view: ImageView): ImageHeader {
  const { head, sizeBytes } = view;
  if (head.length < HEADER_BYTES) return refused('is truncated: it ends within its header');
  const header = headerOf(head);
  const broken = brokenRule(headerRules, header, sizeBytes);
  if (broken !== null) return refused(broken);
  const placed = header.directoryOffset === AT_END ? footerOf(view, header) : header;
  if (placed === null) return refused('is truncated: its footer is not at its end');
  const reason = brokenRule(directoryRules, placed, sizeBytes) ?? refusalOfDescriptor(head, header, sizeBytes);
  return reason === null ? { virtualSizeBytes: Number(header.capacity * SECTOR), refusal: null } : refused(reason);
}

function headerOf(bytes: Uint8Array): VmdkHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    version: view.getUint32(4, true),
    flags: view.getUint32(8, true),
    capacity: view.getBigUint64(12, true),
    grain: view.getBigUint64(20, true),
    descriptorOffset: view.getBigUint64(28, true),
    descriptorSize: view.getBigUint64(36, true),
    entriesPerTable: view.getUint32(44, true),
    directoryOffset: view.getBigUint64(56, true),
    newlines: Buffer.from(bytes.subarray(73, 77)).toString('latin1'),
    compression: view.getUint16(77, true),
  };
}

/** The header with its directory's place from the footer, which has to be the same in everything else; or null. */
function footerOf({ tail }: ImageView, header: VmdkHeader): VmdkHeader | null {
  if (tail.length < 3 * Number(SECTOR)) return null;
  const [marker, footer, end] = [0, 1, 2].map((index) => tail.subarray(index * 512, (index + 1) * 512)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  if (markerOf(marker) !== END_MARKERS.footer || markerOf(end) !== END_MARKERS.endOfStream) return null;
  if (Buffer.from(footer.subarray(0, 4)).toString('latin1') !== 'KDMV') return null;
  const { directoryOffset, ...rest } = headerOf(footer);
  const isSame = Object.entries(rest).every(([key, value]) => header[key as keyof VmdkHeader] === value);
  return isSame ? { ...header, directoryOffset } : null;
}

/** The type of a marker without data. */
function markerOf(sector: Uint8Array): number | null {
  const view = new DataView(sector.buffer, sector.byteOffset, sector.byteLength);
  return view.getUint32(8, true) === 0 ? view.getUint32(12, true) : null;
}

function refusalOfDescriptor(head: Uint8Array, header: VmdkHeader, sizeBytes: number): string | null {
  const from = header.descriptorOffset * SECTOR;
  const to = from + header.descriptorSize * SECTOR;
  if (to > BigInt(head.length)) return 'has a descriptor that lies outside of its first 64 KiB';
  const bytes = Buffer.from(head.subarray(Number(from), Number(to)));
  const end = bytes.indexOf(0);
  const text = bytes.subarray(0, end < 0 ? bytes.length : end).toString('latin1');
  const descriptor = parseVmdkDescriptor(text);
  if (descriptor === null) return 'has an extent that cannot be read';
  return brokenRule(descriptorRules, { ...descriptor, header }, sizeBytes);
}

/** An entry of 4 bytes for each grain table. */
function directoryBytes({ capacity, grain, entriesPerTable }: VmdkHeader): bigint {
  const sectorsATable = grain * BigInt(entriesPerTable);
  return ((capacity + sectorsATable - 1n) / sectorsATable) * 4n;
}
