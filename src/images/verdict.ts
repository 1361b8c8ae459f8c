/** What a file of the declared format holds, or why it is refused, as a sentence. */
export type ImageHeader =
  | { readonly virtualSizeBytes: number; readonly refusal: null }
  | { readonly virtualSizeBytes: null; readonly refusal: string };

/** What an inspector sees of a file. */
export interface ImageView {
  /** The first bytes, `imageHeadBytes` of them where the file is that long. */
  readonly head: Uint8Array;
  /** The last bytes, `imageTailBytes` of them where the file is that long. */
  readonly tail: Uint8Array;
  readonly sizeBytes: number;
}

/** How much of a file's beginning is looked at: an ISO 9660 image names itself behind 32 KiB, a VMDK describes itself before 64 KiB. */
export const imageHeadBytes = 64 * 1024;

/** How much of its end: a stream-optimized VMDK has its header there again, between two markers. */
export const imageTailBytes = 3 * 512;

/** A file that is refused. */
export function refused(refusal: string): ImageHeader {
  return { virtualSizeBytes: null, refusal };
}

/** Something that must not be so in a header. */
export interface Rule<Header> {
  readonly breaks: (header: Header, sizeBytes: bigint) => boolean;
  /** The rest of a sentence that begins with the file. */
  readonly refusal: string;
}

/** The first rule that a header breaks, or null. */
export function brokenRule<Header>(rules: readonly Rule<Header>[], header: Header, sizeBytes: number): string | null {
  return rules.find(({ breaks }) => breaks(header, BigInt(sizeBytes)))?.refusal ?? null;
}
