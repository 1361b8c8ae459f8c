import type { ImageFormat } from '../model/image.ts';
import { readQcow2 } from './qcow2.ts';
import { foreignDiskFormat, kernelKind, ramdiskKind } from './signature.ts';

/** How much of a file's beginning `readImageHeader` wants to see: an ISO 9660 image names itself behind 32 KiB. */
export const IMAGE_HEAD_BYTES = 64 * 1024;

/** What a file of the declared format holds, or why it is refused, as a sentence. */
export type ImageHeader =
  | { readonly virtualSizeBytes: number; readonly refusal: null }
  | { readonly virtualSizeBytes: null; readonly refusal: string };

/**
 * Reads a file as the format that its owner declares, and no other: no program that guesses has seen the file before.
 * @param head the first bytes, `IMAGE_HEAD_BYTES` of them where the file is that long
 */
export function readImageHeader(format: ImageFormat, head: Uint8Array, fileSizeBytes: number): ImageHeader {
  if (fileSizeBytes === 0) return refused('the file is empty');
  switch (format) {
    case 'qcow2':
      return asQcow2(head, fileSizeBytes);
    case 'raw':
      return asRaw(head, fileSizeBytes);
    case 'aki':
      return asKind('a kernel (bzImage, ELF or arm64 Image)', kernelKind(head), head, fileSizeBytes);
    case 'ari':
      return asKind(
        'an initial RAM disk (cpio, or one compressed by gzip, zstd, xz, lz4 or bzip2)',
        ramdiskKind(head),
        head,
        fileSizeBytes,
      );
  }
}

function asQcow2(head: Uint8Array, fileSizeBytes: number): ImageHeader {
  const found = foreignDiskFormat(head);
  if (found !== 'a qcow2 image') return refused(found === null ? 'the file is not qcow2' : `the file is ${found}, not qcow2`);
  const { virtualSizeBytes, refusal } = readQcow2(head, fileSizeBytes);
  return refusal === null ? { virtualSizeBytes, refusal } : refused(`the qcow2 image ${refusal}`);
}

function asRaw(head: Uint8Array, fileSizeBytes: number): ImageHeader {
  const found = foreignDiskFormat(head);
  return found === null ? { virtualSizeBytes: fileSizeBytes, refusal: null } : refused(`the file is ${found}, not raw`);
}

function asKind(wanted: string, found: string | null, head: Uint8Array, fileSizeBytes: number): ImageHeader {
  if (found !== null) return { virtualSizeBytes: fileSizeBytes, refusal: null };
  const other = foreignDiskFormat(head) ?? kernelKind(head) ?? ramdiskKind(head);
  return refused(`the file is ${other === null ? '' : `${other}, `}not ${wanted}`);
}

function refused(refusal: string): ImageHeader {
  return { virtualSizeBytes: null, refusal };
}
