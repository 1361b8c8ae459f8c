import { Duplex } from 'node:stream';
import { sourceOf } from './bytes.ts';
import { LibvirtError } from './errors.ts';
import { Status } from './frame.ts';
import { remoteError } from './structs.ts';

/** What a stream needs of the connection that carries it and nothing else. */
export interface StreamWire {
  /** Sends a packet; `sent` is called when the kernel has it, or with the error that keeps it from going. */
  send(status: number, body: Buffer, sent: (error?: Error | null) => void): void;
  /** Stops or resumes reading from the peer, which in turn stops reading from the guest. */
  setReading(isReading: boolean): void;
  /** Gives the connection up. */
  release(): void;
}

/** libvirt's `VIR_NET_MESSAGE_LEGACY_PAYLOAD_MAX`: what every version takes in one packet. */
const packetMaxBytes = 262_120;

const noBytes = Buffer.alloc(0);

/** A libvirt stream, such as a console, with a connection to itself so that a slow reader stops only its own sender. */
export class LibvirtStream extends Duplex {
  readonly #name: string;
  readonly #wire: StreamWire;
  #isConcluded = false;
  #concluded: (() => void) | null = null;

  constructor(name: string, wire: StreamWire) {
    super({ allowHalfOpen: false });
    this.#name = name;
    this.#wire = wire;
    // It may break before its opener has had the chance to listen, and a guest that dies must not end its reader's process.
    this.on('error', () => undefined);
  }

  /** Takes a packet from the daemon. An empty one that says "continue" is the end of what the guest writes. */
  receive(status: number, body: Buffer): void {
    if (status === Status.continue) {
      if (body.length === 0) this.push(null);
      else if (!this.destroyed && !this.push(body)) this.#wire.setReading(false);
      return;
    }
    this.#conclude();
    if (status === Status.error && body.length > 0) {
      this.destroy(new LibvirtError(this.#name, remoteError.read(sourceOf(body))));
    } else if (!this.destroyed && !this.readableEnded) {
      this.push(null);
    }
  }

  /** Ends the stream because its connection ended. */
  lose(error: Error): void {
    this.#conclude();
    this.destroy(error);
  }

  #conclude(): void {
    this.#isConcluded = true;
    this.#concluded?.();
    this.#concluded = null;
  }

  /** Tells the daemon that we are done (`ok`) or give up (`error`), and waits until it agrees. */
  #sayLast(status: number, done: (error?: Error | null) => void): void {
    if (this.#isConcluded) {
      done();
      return;
    }
    this.#wire.setReading(true);
    this.#concluded = () => done();
    this.#wire.send(status, noBytes, (error) => {
      if (error) this.#conclude();
    });
  }

  override _read(): void {
    this.#wire.setReading(true);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const rest = chunk.subarray(packetMaxBytes);
    this.#wire.send(Status.continue, chunk.subarray(0, packetMaxBytes), (error) => {
      if (error || rest.length === 0) done(error);
      else this._write(rest, _encoding, done);
    });
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#sayLast(Status.ok, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#sayLast(Status.error, () => {
      this.#wire.release();
      done(error);
    });
  }
}
