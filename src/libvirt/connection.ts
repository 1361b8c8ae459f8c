import type { Socket } from 'node:net';
import { type Address, addressText, dial } from './address.ts';
import { emptySink, ProtocolError, sourceOf, written } from './bytes.ts';
import type { Xdr } from './codec.ts';
import { ConnectionLost, LibvirtError } from './errors.ts';
import { encodeFrame, type Frame, FrameType, frameSplitter, Program, Status } from './frame.ts';
import { shakeHands } from './handshake.ts';
import { type Keepalive, type KeepalivePolicy, startKeepalive } from './keepalive.ts';
import type { Procedure } from './procedures.ts';
import { LibvirtStream } from './stream.ts';
import { remoteError } from './structs.ts';

/** How far a connection has come. */
export type ConnectionState = 'connecting' | 'greeting' | 'ready' | 'closed';

/** How a connection is made and kept. */
export interface ConnectionOptions {
  readonly address: Address;
  /** The hypervisor to open; libvirt refuses none. */
  readonly uri: string;
  /** Calls in flight at once; the daemon stops reading a connection that has more than its `max_client_requests`. */
  readonly window: number;
  readonly keepalive: KeepalivePolicy;
  /** How long connecting and the daemon's greeting may take together, in milliseconds. */
  readonly handshakeTimeoutMs: number;
  /** Whether the daemon is asked to send pings too: no for a stream, whose reader may be slow for longer than the daemon's patience. */
  readonly invitesPings: boolean;
  /** Is told of each event message: its procedure number and its body. */
  onEvent(procedure: number, body: Buffer): void;
}

interface Call {
  readonly name: string;
  readonly serial: number;
  readonly bytes: Buffer;
  /** Takes the answer's body; raises `ProtocolError` when it does not fit the procedure. */
  succeed(body: Buffer): void;
  fail(error: Error): void;
}

const KeepaliveProcedure = { ping: 1, pong: 2 } as const;

const noBytes = Buffer.alloc(0);

/** One connection to a libvirt daemon: connecting, greeting, ready, closed for good. Calls beyond the window wait in order. */
export class Connection {
  /** Resolves, never rejects, with the reason when the connection has closed. */
  readonly closed: Promise<Error>;
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #inFlight = new Map<number, Call>();
  readonly #streams = new Map<number, LibvirtStream>();
  readonly #resolveClosed: (reason: Error) => void;
  #waiting: Call[] = [];
  #keepalive: Keepalive | null = null;
  #state: ConnectionState = 'connecting';
  #reason: Error | null = null;
  #lastSerial = 0;

  private constructor(options: ConnectionOptions) {
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<Error>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    this.#socket = dial(options.address);
    this.#listen();
  }

  /** Connects, greets the daemon and opens the hypervisor; rejects with the reason when any of it fails. */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const connection = new Connection(options);
    const { handshakeTimeoutMs, uri, invitesPings } = options;
    const impatience = setTimeout(
      () => connection.close(new Error(`the peer did not greet within ${handshakeTimeoutMs} ms`)),
      handshakeTimeoutMs,
    );
    try {
      await shakeHands(connection, { uri, invitesPings });
      connection.#state = 'ready';
      return connection;
    } catch (error) {
      const cause = connection.#reason ?? asError(error);
      connection.close(cause);
      throw new Error(`libvirt at ${addressText(options.address)} cannot be reached: ${cause.message}`, { cause });
    } finally {
      clearTimeout(impatience);
    }
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Calls a procedure; rejects with `LibvirtError` when libvirt refuses, with `ConnectionLost` when the connection ends first. */
  call<Given, Value>(name: string, procedure: Procedure<Given, Value>, given: Given): Promise<Value> {
    const serial = this.#nextSerial();
    return this.#send(name, serial, procedure, given);
  }

  /** Calls a procedure that opens a stream. The connection is the stream's own from then on and closes with it. */
  async openStream<Given, Value>(
    name: string,
    procedure: Procedure<Given, Value>,
    given: Given,
  ): Promise<{ readonly result: Value; readonly stream: LibvirtStream }> {
    const serial = this.#nextSerial();
    const stream = new LibvirtStream(name, {
      send: (status, body, sent) => {
        const frame = { program: Program.remote, procedure: procedure.number, type: FrameType.stream, serial, status, body };
        this.#socket.write(encodeFrame(frame), sent);
      },
      setReading: (isReading) => {
        if (isReading) this.#socket.resume();
        else this.#socket.pause();
      },
      release: () => this.close(),
    });
    this.#streams.set(serial, stream); // Before the call: the first packet may come in one read with the answer.
    const result = await this.#send(name, serial, procedure, given);
    return { result, stream };
  }

  /** Closes the connection; what is in flight is rejected as `ConnectionLost`. */
  close(reason: Error = new Error('this client closed the connection')): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#reason = reason;
    this.#keepalive?.stop();
    this.#socket.destroy();
    for (const call of this.#inFlight.values()) call.fail(new ConnectionLost(call.name, 'unknown', reason));
    for (const call of this.#waiting) call.fail(new ConnectionLost(call.name, 'not started', reason));
    for (const stream of this.#streams.values()) stream.lose(reason);
    this.#inFlight.clear();
    this.#waiting = [];
    this.#resolveClosed(reason);
  }

  #listen(): void {
    const split = frameSplitter();
    this.#socket.on('data', (chunk) => {
      this.#keepalive?.heard();
      try {
        for (const frame of split(chunk)) this.#receive(frame);
      } catch (error) {
        this.close(asError(error));
      }
    });
    this.#socket.on('connect', () => {
      this.#state = 'greeting';
      this.#keepalive = startKeepalive(this.#options.keepalive, {
        ping: () => this.#pingUnlessPaused(),
        silent: () => {
          const { count, intervalMs } = this.#options.keepalive;
          this.close(new Error(`the peer was silent for ${count} pings, one each ${intervalMs} ms`));
        },
      });
      this.#pump();
    });
    this.#socket.on('error', (error) => this.close(error));
    this.#socket.on('close', () => this.close(new Error('the peer closed the connection')));
  }

  #nextSerial(): number {
    this.#lastSerial = (this.#lastSerial + 1) >>> 0;
    return this.#lastSerial;
  }

  #send<Given, Value>(name: string, serial: number, procedure: Procedure<Given, Value>, given: Given): Promise<Value> {
    return new Promise<Value>((resolve, reject) => {
      if (this.#reason !== null) throw new ConnectionLost(name, 'not started', this.#reason);
      const sink = emptySink();
      procedure.given.write(sink, given);
      const header = { program: Program.remote, procedure: procedure.number, type: FrameType.call, serial, status: Status.ok };
      this.#waiting.push({
        name,
        serial,
        bytes: encodeFrame({ ...header, body: written(sink) }),
        succeed: (body) => resolve(readWhole(procedure.result, body)),
        fail: reject,
      });
      this.#pump();
    });
  }

  /** Sends waiting calls while the window has room. */
  #pump(): void {
    if (this.#state === 'connecting') return;
    while (this.#inFlight.size < this.#options.window) {
      const call = this.#waiting.shift();
      if (call === undefined) return;
      this.#inFlight.set(call.serial, call);
      this.#socket.write(call.bytes);
    }
  }

  /** A reader that is slow stops the peer's answers too, so its silence proves nothing then. */
  #pingUnlessPaused(): void {
    if (this.#socket.isPaused()) this.#keepalive?.heard();
    else this.#say(KeepaliveProcedure.ping);
  }

  #say(procedure: number): void {
    const type = FrameType.message;
    this.#socket.write(encodeFrame({ program: Program.keepalive, procedure, type, serial: 0, status: Status.ok, body: noBytes }));
  }

  #receive(frame: Frame): void {
    if (frame.program === Program.keepalive) {
      if (frame.procedure === KeepaliveProcedure.ping) this.#say(KeepaliveProcedure.pong);
      return;
    }
    switch (frame.type) {
      case FrameType.reply:
        this.#settle(frame);
        return;
      case FrameType.message:
        this.#options.onEvent(frame.procedure, frame.body);
        return;
      case FrameType.stream:
        this.#streams.get(frame.serial)?.receive(frame.status, frame.body);
        return;
      default:
        throw new ProtocolError(`the peer sent a message of type ${frame.type}`);
    }
  }

  #settle(frame: Frame): void {
    const call = this.#inFlight.get(frame.serial);
    if (call === undefined) throw new ProtocolError(`the peer answered serial ${frame.serial}, which was not asked`);
    if (frame.status === Status.ok) call.succeed(frame.body);
    else {
      this.#streams.delete(frame.serial);
      call.fail(new LibvirtError(call.name, readWhole(remoteError, frame.body)));
    }
    this.#inFlight.delete(frame.serial); // Last: an answer that cannot be read closes the connection with its call still here.
    this.#pump();
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

function readWhole<Value>(notation: Xdr<Value, never>, body: Buffer): Value {
  const from = sourceOf(body);
  const value = notation.read(from);
  if (from.at !== body.length) throw new ProtocolError(`an answer has ${body.length - from.at} bytes more than its procedure has`);
  return value;
}
