import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/activity';
import type { Token } from '../model/tenure.ts';
import { faultPoint } from './fault-hook.ts';
import { judgement, readGeneration, writeGeneration, writeStep } from './generation.ts';
import { withLock } from './lock.ts';

/** Files that say who acts on an instance or an image; they stay when it is gone. */
export const holdingFiles: ReadonlySet<string> = new Set(['lock', 'generation']);

/** Whether a file is one of these, or becomes one in a moment. */
export function isHoldingFile(name: string): boolean {
  return holdingFiles.has(name.replace(/\.partial$/, ''));
}

/** Leaves nothing else in a directory. */
export async function leaveOnlyHoldingFiles(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!holdingFiles.has(name)) await rm(join(directory, name), { recursive: true, force: true });
  }
}

export type WhileHolding = <T>(instanceId: string, token: Token, work: (directory: string) => Promise<T>) => Promise<T>;

/**
 * The only way to an effect on an instance: takes its lock on this host, checks inside it that the caller's operation is
 * still the newest one here, and keeps the lock over check and effect. A check alone is not enough: an attempt that was
 * frozen between check and effect would destroy a guest that was started meanwhile. Attempts of one step are let through one
 * after the other; they are idempotent. One of an earlier step is not: a worker that wakes with the first step of a reboot in
 * its hands would switch off the guest that the last step has started. Raises `StaleToken`.
 */
export function holdingIn(instancesDirectory: string): WhileHolding {
  return (instanceId, token, work) => {
    const directory = join(instancesDirectory, instanceId);
    return whileNewest({ what: `instance ${instanceId}`, directory, prefix: '' }, token, () => work(directory));
  };
}

export type WhileHoldingImage = <T>(imageId: string, token: Token, work: (path: string) => Promise<T>) => Promise<T>;

/** The same for an image in the store, which all hosts share: `work` gets the path of its file. */
export function holdingImagesIn(storeDirectory: string): WhileHoldingImage {
  return (imageId, token, work) =>
    whileNewest({ what: `image ${imageId}`, directory: storeDirectory, prefix: `${imageId}.` }, token, () =>
      work(join(storeDirectory, imageId)),
    );
}

interface Held {
  readonly what: string;
  /** Where the files that say who acts on it lie, and how their names begin. */
  readonly directory: string;
  readonly prefix: string;
}

async function whileNewest<T>({ what, directory, prefix }: Held, token: Token, work: () => Promise<T>): Promise<T> {
  await mkdir(directory, { recursive: true });
  const [lock, generation] = [`${prefix}lock`, `${prefix}generation`];
  const isSuperseded = async () => ((await readGeneration(directory, generation))?.generation ?? 0) < token.generation;
  return withLock(
    join(directory, lock),
    async () => {
      const known = await readGeneration(directory, generation);
      const verdict = judgement(known, token);
      if (verdict === 'stale') throw stale(what, token, known);
      if (verdict === 'newer') await writeGeneration(directory, token, generation);
      if (verdict === 'later step') await writeStep(directory, token, generation);
      await faultPoint('during');
      return work();
    },
    isSuperseded,
  );
}

function stale(what: string, token: Token, known: Token | null): ApplicationFailure {
  return ApplicationFailure.nonRetryable(`${what} is held by ${called(known)}, this is ${called(token)}`, 'StaleToken');
}

function called(token: Token | null): string {
  return `generation ${token?.generation}${token?.step === undefined ? '' : ` at step ${token.step}`}`;
}
