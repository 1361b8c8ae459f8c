import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/activity';
import type { Token } from '../model/tenure.ts';
import { faultPoint } from './fault-hook.ts';
import { judgement, readGeneration, writeGeneration } from './generation.ts';
import { withLock } from './lock.ts';

/** Files that say who acts on an instance; they stay when the instance is gone. */
export const holdingFiles: ReadonlySet<string> = new Set(['lock', 'generation']);

export type WhileHolding = <T>(instanceId: string, token: Token, work: (directory: string) => Promise<T>) => Promise<T>;

/**
 * The only way to an effect on an instance: takes its lock on this host, checks inside it that the caller's operation is
 * still the newest one here, and keeps the lock over check and effect. A check alone is not enough: an attempt that was
 * frozen between check and effect would destroy a guest that was started meanwhile. Attempts of one operation are let
 * through one after the other; they are idempotent. Raises `StaleToken`.
 */
export function holdingIn(instancesDirectory: string): WhileHolding {
  return async (instanceId, token, work) => {
    const directory = join(instancesDirectory, instanceId);
    await mkdir(directory, { recursive: true });
    const isSuperseded = async () => ((await readGeneration(directory))?.generation ?? 0) < token.generation;
    return withLock(
      join(directory, 'lock'),
      async () => {
        const known = await readGeneration(directory);
        const verdict = judgement(known, token);
        if (verdict === 'stale') throw stale(instanceId, token, known);
        if (verdict === 'newer') await writeGeneration(directory, token);
        await faultPoint('during');
        return work(directory);
      },
      isSuperseded,
    );
  };
}

function stale(instanceId: string, token: Token, known: Token | null): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    `instance ${instanceId} is held by generation ${known?.generation}, this is ${token.generation}`,
    'StaleToken',
  );
}
