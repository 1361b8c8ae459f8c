/** Keys that are missing or unfit; the message says what would help, and repeats nothing of a key or a payload. */
export class CodecError extends Error {
  override readonly name = 'CodecError';
}
