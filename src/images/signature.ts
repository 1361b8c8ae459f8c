import type { ImageView } from './verdict.ts';

/** Bytes by which a file tells what it is, from its beginning, or from its end where the offset is below 0. */
interface Signature {
  readonly what: string;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Disk formats other than raw: a raw image that begins like one of them would be taken for it by whoever probes. */
const diskSignatures: readonly Signature[] = [
  ascii('a qcow2 image', 0, 'QFI\xfb'),
  ascii('a QED image', 0, 'QED\0'),
  ascii('a VMDK image', 0, 'KDMV'),
  ascii('a VMDK image of ESX', 0, 'COWD'),
  ascii('a sparse VMDK image of ESX', 0, '\xbe\xba\xfe\xca\0\0\0\0'),
  ascii('a VMDK descriptor', 0, '# Disk DescriptorFile'),
  ascii('a VHD image', 0, 'conectix'),
  ascii('a VHD image', -512, 'conectix'),
  ascii('a VHDX image', 0, 'vhdxfile'),
  ascii('a VDI image', 0x40, '\x7f\x10\xda\xbe'),
  ascii('a Parallels image', 0, 'WithoutFreeSpace'),
  ascii('a Parallels image', 0, 'WithouFreSpacExt'),
  ascii('a Bochs image', 0, 'Bochs Virtual HD Image'),
  ascii('a cloop image', 0, '#!/bin/sh\n#V2.0 Format\nmodprobe cloop'),
  ascii('an Apple disk image', -512, 'koly'),
  ascii('a LUKS volume', 0, 'LUKS\xba\xbe'),
  ascii('an ISO 9660 image', 0x8001, 'CD001'),
  ascii('a UDF image', 0x8001, 'BEA01'),
];

/** What QEMU loads as a kernel. */
const kernelSignatures: readonly Signature[] = [
  ascii('a Linux bzImage', 0x202, 'HdrS'),
  ascii('an ELF file', 0, '\x7fELF'),
  ascii('an arm64 Linux image', 56, 'ARM\x64'),
];

/** What Linux unpacks as an initial RAM disk. */
const ramdiskSignatures: readonly Signature[] = [
  ascii('a cpio archive', 0, '070701'),
  ascii('a cpio archive with checksums', 0, '070702'),
  ascii('a gzip file', 0, '\x1f\x8b'),
  ascii('a zstd file', 0, '\x28\xb5\x2f\xfd'),
  ascii('an xz file', 0, '\xfd7zXZ\0'),
  ascii('an lz4 file', 0, '\x02\x21\x4c\x18'),
  ascii('a bzip2 file', 0, 'BZh'),
];

/** All disk formats other than raw that a file could be taken for (`a VHDX image`). */
export function diskFormatsOf(view: ImageView): readonly string[] {
  return [...new Set(diskSignatures.filter((signature) => matches(signature, view)).map(({ what }) => what))];
}

/** What kind of kernel a file begins like, or null. */
export function kernelKind(head: Uint8Array): string | null {
  return firstMatch(kernelSignatures, head);
}

/** What kind of RAM disk a file begins like, or null. */
export function ramdiskKind(head: Uint8Array): string | null {
  return firstMatch(ramdiskSignatures, head);
}

function firstMatch(signatures: readonly Signature[], head: Uint8Array): string | null {
  return signatures.find((signature) => matches(signature, { head, tail: head.subarray(0, 0) }))?.what ?? null;
}

function matches({ offset, bytes }: Signature, { head, tail }: Pick<ImageView, 'head' | 'tail'>): boolean {
  const [part, from] = offset < 0 ? [tail, tail.length + offset] : [head, offset];
  return bytes.every((byte, index) => part[from + index] === byte);
}

function ascii(what: string, offset: number, text: string): Signature {
  return { what, offset, bytes: Uint8Array.from(text, (character) => character.charCodeAt(0)) };
}
