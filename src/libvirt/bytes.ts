/** Bytes being read and how far; `take` moves it. */
export interface Source {
  readonly bytes: Buffer;
  at: number;
}

/** Bytes being written and how far; `room` moves it and replaces `bytes` when they are full. */
export interface Sink {
  bytes: Buffer;
  at: number;
}

/** The peer sent what the protocol does not allow; the connection cannot be trusted any further. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/** Starts reading at the front of `bytes`. */
export function sourceOf(bytes: Buffer): Source {
  return { bytes, at: 0 };
}

/** Starts writing into an empty, growing buffer. */
export function emptySink(): Sink {
  return { bytes: Buffer.allocUnsafe(256), at: 0 };
}

/** What has been written so far. */
export function written(sink: Sink): Buffer {
  return sink.bytes.subarray(0, sink.at);
}

/** Steps over `length` bytes and returns where they begin; raises `ProtocolError` when there are fewer. */
export function take(from: Source, length: number): number {
  const start = from.at;
  if (length > from.bytes.length - start) {
    throw new ProtocolError(`a message ends early: ${length} bytes wanted at offset ${start} of ${from.bytes.length}`);
  }
  from.at = start + length;
  return start;
}

/** Makes room for `length` bytes and returns where they begin; read `sink.bytes` only after it. */
export function room(sink: Sink, length: number): number {
  const start = sink.at;
  sink.at = start + length;
  if (sink.at > sink.bytes.length) {
    const larger = Buffer.allocUnsafe(Math.max(sink.at, sink.bytes.length * 2));
    sink.bytes.copy(larger, 0, 0, start);
    sink.bytes = larger;
  }
  return start;
}
