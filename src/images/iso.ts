import { type ImageHeader, type ImageView, refused } from './verdict.ts';

/** The first volume descriptor (ECMA-119, 8.4): behind 16 sectors, which belong to whoever boots from it. */
const descriptorOffset = 0x8000;
const descriptorBytes = 2048;
const primary = 1;
const spaceSizeOffset = 80;
const blockSizeOffset = 128;

/** Judges an ISO 9660 image by its primary volume descriptor: all that it says to hold is there. */
export function readIso({ head, sizeBytes }: ImageView): ImageHeader {
  if (head.length < descriptorOffset + descriptorBytes) return refused('is truncated: it ends within its volume descriptor');
  const descriptor = new DataView(head.buffer, head.byteOffset + descriptorOffset, descriptorBytes);
  if (descriptor.getUint8(0) !== primary) return refused('does not begin with a primary volume descriptor');
  const [blocks, blockBytes] = [descriptor.getUint32(spaceSizeOffset, true), descriptor.getUint16(blockSizeOffset, true)];
  if (blocks !== descriptor.getUint32(spaceSizeOffset + 4) || blockBytes !== descriptor.getUint16(blockSizeOffset + 2)) {
    return refused('contradicts itself: its size differs between the two orders of bytes');
  }
  if (![512, 1024, 2048].includes(blockBytes)) return refused('has a block size that cannot be');
  if (blocks === 0) return refused('is an empty volume');
  return blocks * blockBytes > sizeBytes
    ? refused('is truncated: its volume is larger than the file')
    : { virtualSizeBytes: sizeBytes, refusal: null };
}
