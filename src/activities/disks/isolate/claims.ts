import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClaimState, DeviceClaim } from '../../../model/device-claim.ts';
import { errnoOf } from '../../failures.ts';
import { withLock } from '../../lock.ts';
import { replacedAside } from '../made-aside.ts';

/** The names of the files below the instances that say who has which device of a host. */
export const deviceClaimFile = /^\.devices-(.+)\.(json|lock)$/;

/** Who has which of a host's devices: one file, changed by one at a time. */
export interface DeviceClaims {
  readonly read: () => Promise<readonly DeviceClaim[]>;
  /** Changes them while nobody else does: two builds never take one device. Returns what `change` decided beside them. */
  readonly change: <T>(
    change: (claims: readonly DeviceClaim[]) => Promise<{ readonly claims: readonly DeviceClaim[]; readonly result: T }>,
  ) => Promise<T>;
  /** Notes how far one is, or that it is nobody's any more. */
  readonly note: (path: string, state: ClaimState | 'free') => Promise<void>;
}

/** The claims of `host`. They lie beside its instances: hosts that share that directory have devices of their own. */
export function deviceClaims(instancesDir: string, host: string): DeviceClaims {
  const file = join(instancesDir, `.devices-${host}.json`);

  return { read, change, note };

  async function read(): Promise<readonly DeviceClaim[]> {
    try {
      return JSON.parse(await readFile(file, 'utf8')) as readonly DeviceClaim[];
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw error;
    }
  }

  function change<T>(
    decide: (claims: readonly DeviceClaim[]) => Promise<{ readonly claims: readonly DeviceClaim[]; readonly result: T }>,
  ): Promise<T> {
    return withLock(join(instancesDir, `.devices-${host}.lock`), async () => {
      const before = await read();
      const { claims, result } = await decide(before);
      if (claims !== before) await replacedAside(file, (partial) => writeFile(partial, `${JSON.stringify(claims, null, 2)}\n`));
      return result;
    });
  }

  async function note(path: string, state: ClaimState | 'free'): Promise<void> {
    await change(async (claims) => ({
      claims: claims.flatMap((claim) => (claim.path !== path ? [claim] : state === 'free' ? [] : [{ ...claim, state }])),
      result: null,
    }));
  }
}
