import type { FileHandle } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { ApplicationFailure } from '@temporalio/activity';
import type { Copied } from '../copy.ts';
import { type GrowingFile, growingFile } from '../growing-file.ts';
import { tellProgress } from '../progress.ts';
import { fail } from '../record-client.ts';
import { currentSignal } from '../run.ts';
import { askFor, type Remote } from './download.ts';
import type { FetchPolicy } from './https.ts';
import { openPartial, takeOver, writeNote } from './partial.ts';

/** How an image may come from a server. */
export interface DownloadPolicy extends FetchPolicy {
  readonly maxBytes: number;
  /** Between connections that gave nothing. */
  readonly pauseMs: number;
}

const chunkBytes = 1024 ** 2;
/** What a power loss or a killed worker makes a host fetch again at most, and a minute of a slow line. */
const noteEveryBytes = 16 * 1024 ** 2;
/** Connections in a row that break without a byte before the attempt gives up; the activity's next one goes on from here. */
const maxFruitless = 5;

interface Download {
  readonly url: string;
  readonly path: string;
  readonly file: FileHandle;
  readonly target: GrowingFile;
  readonly policy: DownloadPolicy;
  validator: string | null;
  totalBytes: number | null;
  notedBytes: number;
}

/**
 * Fetches a file to `path`, syncs it and tells what it is. A connection that breaks is made anew from where it was; what an
 * attempt before this one left is gone on with when the server still has the same file. Progress is told as `import`.
 * Raises `ImageUnacceptable` when the file is larger than allowed or the server contradicts itself, and `InvalidRequest`.
 */
export async function downloadWithChecksum(url: string, path: string, policy: DownloadPolicy): Promise<Copied> {
  const file = await openPartial(path);
  try {
    const of: Download = { url, path, file, target: growingFile(file), policy, validator: null, totalBytes: null, notedBytes: 0 };
    await resume(of);
    for (let fruitless = 0; ; ) {
      const before = of.target.sizeBytes();
      const broken = await receive(of);
      if (broken === null) return await of.target.finish();
      fruitless = of.target.sizeBytes() > before ? 0 : fruitless + 1;
      if (fruitless >= maxFruitless) throw broken;
      if (fruitless > 0) await setTimeout(policy.pauseMs, undefined, { signal: currentSignal() ?? undefined });
    }
  } finally {
    await file.close();
  }
}

async function resume(of: Download): Promise<void> {
  const note = await takeOver(of.path, of.file, of.target, 'resume import');
  if (note === null) return;
  of.validator = note.validator;
  of.notedBytes = note.syncedBytes;
}

/** Asks for what is missing and appends it. Null when the file is whole; else how the connection broke. */
async function receive(of: Download): Promise<unknown> {
  try {
    const remote = await asked(of);
    try {
      await accept(of, remote);
      for await (const chunk of gathered(remote.body)) await append(of, chunk);
    } finally {
      remote.body.destroy();
    }
  } catch (error) {
    currentSignal()?.throwIfAborted();
    if (error instanceof ConnectionBroke) return error.cause;
    throw error;
  }
  const [has, due] = [of.target.sizeBytes(), of.totalBytes];
  return due === null || has === due ? null : new Error(`the server ended after ${has} of ${due} bytes`);
}

/** What the network does may be tried again; a full disk and a refusal are as they are. */
class ConnectionBroke extends Error {
  override readonly name = 'ConnectionBroke';
}

async function asked({ url, target, validator, policy }: Download): Promise<Remote> {
  const from = target.sizeBytes();
  try {
    return await askFor(url, from === 0 || validator === null ? null : { from, validator }, policy);
  } catch (error) {
    throw error instanceof ApplicationFailure ? error : new ConnectionBroke('asking', { cause: error });
  }
}

/** What the answer says of the file is believed from here on, unless it contradicts what was said before. */
async function accept(of: Download, { from, totalBytes, validator }: Remote): Promise<void> {
  if (from === 0) {
    await of.target.startOver();
    of.notedBytes = 0;
  } else if (of.totalBytes !== null && totalBytes !== of.totalBytes) {
    throw fail('ImageUnacceptable', `the server says ${totalBytes} bytes, and said ${of.totalBytes} before`);
  }
  of.validator = validator;
  of.totalBytes = totalBytes;
  requireWithin(of.policy, totalBytes ?? 0);
}

async function append(of: Download, chunk: Buffer): Promise<void> {
  requireWithin(of.policy, of.target.sizeBytes() + chunk.length);
  await of.target.append(chunk);
  const doneBytes = of.target.sizeBytes();
  tellProgress({ step: 'import', doneBytes, totalBytes: of.totalBytes });
  if (of.validator === null || doneBytes - of.notedBytes < noteEveryBytes) return;
  await writeNote(of.path, of.file, { validator: of.validator, syncedBytes: doneBytes });
  of.notedBytes = doneBytes;
}

function requireWithin({ maxBytes }: DownloadPolicy, bytes: number): void {
  if (bytes > maxBytes) throw fail('ImageUnacceptable', `the file is larger than ${maxBytes / 1024 ** 2} MiB (imports.maxSizeMiB)`);
}

/** The body in chunks that are worth a write; what had come when it breaks is given before the break is told. */
async function* gathered(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let bytes = 0;
  let broken: unknown = null;
  try {
    for await (const part of body) {
      parts.push(part);
      bytes += part.length;
      if (bytes < chunkBytes) continue;
      yield Buffer.concat(parts);
      [parts, bytes] = [[], 0];
    }
  } catch (error) {
    broken = error;
  }
  if (bytes > 0) yield Buffer.concat(parts);
  if (broken !== null) throw new ConnectionBroke('receiving', { cause: broken });
}
