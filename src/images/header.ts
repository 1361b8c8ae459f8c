import type { ImageFormat } from '../model/image.ts';
import { readIso } from './iso.ts';
import { readQcow2 } from './qcow2.ts';
import { diskFormatsOf, kernelKind, ramdiskKind } from './signature.ts';
import { type ImageHeader, type ImageView, refused } from './verdict.ts';
import { readVmdk } from './vmdk.ts';

/** How each disk format other than raw is called, and read. */
const diskFormats = {
  qcow2: { what: 'a qcow2 image', read: readQcow2 },
  vmdk: { what: 'a VMDK image', read: readVmdk },
  iso: { what: 'an ISO 9660 image', read: readIso },
} as const;

/**
 * Reads a file as the format that its owner declares, and no other: no program that guesses has seen the file before, and
 * none would take it for something else later, for no other format matches.
 */
export function readImageHeader(format: ImageFormat, view: ImageView): ImageHeader {
  if (view.sizeBytes === 0) return refused('the file is empty');
  const found = diskFormatsOf(view);
  switch (format) {
    case 'qcow2':
    case 'vmdk':
    case 'iso':
      return asDisk(format, found, view);
    case 'raw':
      return found.length === 0 ? whole(view) : refused(`the file is ${listed(found)}, not raw`);
    case 'aki':
      return asKind('a kernel (bzImage, ELF or arm64 Image)', kernelKind(view.head), found, view);
    case 'ari': {
      const wanted = 'an initial RAM disk (cpio, or one compressed by gzip, zstd, xz, lz4 or bzip2)';
      return asKind(wanted, ramdiskKind(view.head), found, view);
    }
  }
}

function asDisk(format: keyof typeof diskFormats, found: readonly string[], view: ImageView): ImageHeader {
  const { what, read } = diskFormats[format];
  const others = found.filter((one) => one !== what);
  if (others.length === found.length) return refused(`the file is ${others.length === 0 ? '' : `${listed(others)}, `}not ${format}`);
  if (others.length > 0) return refused(`the file is ${what} and ${listed(others)} at the same time`);
  const verdict = read(view);
  return verdict.refusal === null ? verdict : refused(`the ${format} image ${verdict.refusal}`);
}

function asKind(wanted: string, kind: string | null, found: readonly string[], view: ImageView): ImageHeader {
  if (kind !== null && found.length === 0) return whole(view);
  if (kind !== null) return refused(`the file is ${kind} and ${listed(found)} at the same time`);
  const other = found[0] ?? kernelKind(view.head) ?? ramdiskKind(view.head);
  return refused(`the file is ${other === null ? '' : `${other}, `}not ${wanted}`);
}

function whole({ sizeBytes }: ImageView): ImageHeader {
  return { virtualSizeBytes: sizeBytes, refusal: null };
}

function listed(found: readonly string[]): string {
  return found.join(' and ');
}
