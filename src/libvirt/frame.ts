import { ProtocolError } from './bytes.ts';

/** Programs that share one connection. */
export const Program = { remote: 0x20008086, keepalive: 0x6b656570 } as const;

/** What a frame is (`virNetMessageType`). */
export const FrameType = { call: 0, reply: 1, message: 2, stream: 3 } as const;

/** How a frame stands (`virNetMessageStatus`). */
export const Status = { ok: 0, error: 1, continue: 2 } as const;

/** One message with its header parsed. */
export interface Frame {
  readonly program: number;
  readonly procedure: number;
  readonly type: number;
  readonly serial: number;
  readonly status: number;
  readonly body: Buffer;
}

const version = 1;
const headerBytes = 28;

/** libvirt's `VIR_NET_MESSAGE_MAX` with the length word. */
const frameMaxBytes = 4 + 32 * 1024 * 1024;

/** A frame's bytes; raises `RangeError` when the body is larger than libvirt takes. */
export function encodeFrame(frame: Frame): Buffer {
  const length = headerBytes + frame.body.length;
  if (length > frameMaxBytes) throw new RangeError(`a message of ${length} bytes is longer than libvirt takes (${frameMaxBytes})`);
  const bytes = Buffer.allocUnsafe(length);
  bytes.writeUInt32BE(length, 0);
  bytes.writeUInt32BE(frame.program, 4);
  bytes.writeUInt32BE(version, 8);
  bytes.writeInt32BE(frame.procedure, 12);
  bytes.writeInt32BE(frame.type, 16);
  bytes.writeUInt32BE(frame.serial, 20);
  bytes.writeInt32BE(frame.status, 24);
  frame.body.copy(bytes, headerBytes);
  return bytes;
}

function decodeFrame(bytes: Buffer): Frame {
  const frame = {
    program: bytes.readUInt32BE(4),
    procedure: bytes.readInt32BE(12),
    type: bytes.readInt32BE(16),
    serial: bytes.readUInt32BE(20),
    status: bytes.readInt32BE(24),
    body: bytes.subarray(headerBytes),
  };
  if (frame.program !== Program.remote && frame.program !== Program.keepalive) {
    throw new ProtocolError(`the peer sent a message of an unknown program, 0x${frame.program.toString(16)}`);
  }
  if (bytes.readUInt32BE(8) !== version) throw new ProtocolError(`the peer speaks version ${bytes.readUInt32BE(8)} of the protocol`);
  return frame;
}

/** Checks a length before anything is allocated for it: at a wrong port, the "HTTP" of a web server reads as 1.2 GB. */
function checkedLength(bytes: Buffer): number {
  const length = bytes.readUInt32BE(0);
  if (length < headerBytes || length > frameMaxBytes) {
    const text = JSON.stringify(bytes.toString('latin1', 0, 4));
    throw new ProtocolError(`the peer does not speak libvirt's protocol: its message begins with ${text}, a length of ${length} bytes`);
  }
  return length;
}

/** Cuts a byte stream into frames: the function it returns takes the next bytes and gives each frame that they complete. */
export function frameSplitter(): (chunk: Buffer) => Generator<Frame, void> {
  let chunks: Buffer[] = [];
  let size = 0;
  let wanted = 4;
  return function* split(chunk) {
    chunks.push(chunk);
    size += chunk.length;
    while (size >= wanted) {
      // Joined only when a whole frame is there, or a long one that comes in small pieces would be copied once a piece.
      const joined = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
      chunks = [joined];
      const length = checkedLength(joined);
      wanted = length;
      if (size < length) return;
      chunks = [joined.subarray(length)];
      size -= length;
      wanted = 4;
      yield decodeFrame(joined.subarray(0, length));
    }
  };
}
