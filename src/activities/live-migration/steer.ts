import { Context, log } from '@temporalio/activity';
import { ErrorCode, isLibvirtError, type Libvirt } from '../../libvirt/index.ts';
import { downtimeAt, downtimeSteps } from '../../model/live-migration/downtime.ts';
import { type Move, nextMove } from '../../model/live-migration/next-move.ts';
import type { MigrationPolicy } from '../../model/live-migration/policy.ts';
import { barOf, type MigrationProgress, migrationProgress } from '../../model/live-migration/progress.ts';
import { isNoDomain } from '../failures.ts';
import { tellProgress } from '../progress.ts';
import type { Wishes } from './note.ts';
import type { JobSight } from './sight.ts';

/** What is done about a migration while it runs. */
export interface Steering {
  /** Tells how far it is, and does what its policy and the wishes ask for. */
  readonly steer: (sight: JobSight) => Promise<void>;
  /** Why it was aborted from here, or null. */
  readonly reason: () => string | null;
  /** Whether anybody wants it to end. */
  readonly isUnwanted: () => Promise<boolean>;
}

/** More than any guest needs; QEMU takes 2000 s at most. */
const anyDowntimeMs = 1_000_000;

export function steeringOf(
  libvirt: Libvirt,
  uuid: string,
  policy: MigrationPolicy,
  memoryMiB: number,
  wishes: () => Promise<Wishes>,
): Steering {
  const dom = { uuid };
  const steps = downtimeSteps(policy.downtime);
  let bar: { readonly doneBytes: number; readonly totalBytes: number } | null = null;
  // What QEMU was told by this worker: one before it may have told it otherwise.
  const told = { downtimeMs: null as number | null, bandwidthMiBps: null as number | null };
  let reason: string | null = null;

  return {
    reason: () => reason,
    isUnwanted: async () => reason !== null || isCancelled() || (await wishes()).asked === 'abort',
    steer: async ({ stats, isSwitched }) => {
      const progress = migrationProgress(stats, isSwitched);
      bar = barOf(progress, memoryMiB * 1024 ** 2, bar);
      tellProgress({ step: `live migration: ${phaseNames[progress.phase]}`, ...bar, migration: progress });
      const wished = await wishes();
      const move = moveNow(progress, wished);
      await unlessOver(() => act(move, progress));
      if (!isSwitched) await unlessOver(() => tune(move, progress, wished));
    },
  };

  function moveNow({ phase, elapsedMs }: MigrationProgress, { asked }: Wishes): Move {
    const { completionTimeoutSeconds, onTimeout, postCopy: mayPostCopy } = policy;
    const situation = { phase, elapsedSeconds: elapsedMs / 1000, completionTimeoutSeconds, onTimeout, mayPostCopy };
    return nextMove({ ...situation, asked: isCancelled() ? 'abort' : asked });
  }

  async function act(move: Move, { elapsedMs }: MigrationProgress): Promise<void> {
    if (move === 'abort') {
      reason ??= `it was aborted after ${Math.round(elapsedMs / 1000)} s`;
      await libvirt.domainAbortJob({ dom });
    }
    if (move === 'switch to post-copy') {
      log.info('a guest is switched over to its destination', { instanceId: uuid, elapsedMs });
      await libvirt.domainMigrateStartPostCopy({ dom });
    }
  }

  async function tune(move: Move, { elapsedMs }: MigrationProgress, wished: Wishes): Promise<void> {
    const scheduled = wished.maxDowntimeMs ?? downtimeAt(steps, elapsedMs / 1000);
    const downtimeMs = move === 'allow any downtime' ? anyDowntimeMs : scheduled;
    if (downtimeMs !== told.downtimeMs) await libvirt.domainMigrateSetMaxDowntime({ dom, downtimeMs: BigInt(downtimeMs) });
    told.downtimeMs = downtimeMs;
    const { bandwidthMiBps } = wished;
    if (bandwidthMiBps === null || bandwidthMiBps === told.bandwidthMiBps) return;
    await libvirt.domainMigrateSetMaxSpeed({ dom, bandwidthMiBps: speedOf(bandwidthMiBps) });
    told.bandwidthMiBps = bandwidthMiBps;
  }
}

const phaseNames = { disks: 'disks', memory: 'memory', switched: 'memory, the guest runs at its destination' } as const;

/** libvirt's limit for none. */
const unlimitedMiBps = 2n ** 63n / 2n ** 20n - 1n;

function speedOf(mibps: number): bigint {
  return mibps === 0 ? unlimitedMiBps : BigInt(mibps);
}

/** Any other cancel, such as that of a worker that stops, asks for nothing. */
function isCancelled(): boolean {
  return Context.current().cancellationDetails?.cancelRequested === true;
}

/** A migration that ends meanwhile needs nothing any more. */
async function unlessOver(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!isLibvirtError(error, ErrorCode.operationInvalid) && !isNoDomain(error)) throw error;
  }
}
