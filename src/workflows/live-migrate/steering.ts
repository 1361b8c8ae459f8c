import { ApplicationFailure, defineUpdate, proxyActivities, setHandler } from '@temporalio/workflow';
import type { HostActivities } from '../../activities/host.ts';
import { quicklyOn } from '../activities.ts';

/** A migration that is under way. */
export interface Moving {
  readonly instanceId: string;
  readonly migrationId: string;
  readonly source: string;
}

/** The updates by which a live migration is steered. */
export interface Steering {
  /** They are taken while `work` is done, and not before or after. */
  readonly during: <Result>(moving: Moving, work: () => Promise<Result>) => Promise<Result>;
}

/** What the update `setPolicy` may change. */
interface Policy {
  readonly bandwidthMiBps?: number;
  readonly maxDowntimeMs?: number;
}

/** The same as in the schema of the update. */
const limits = { bandwidthMiBps: [0, 1_000_000], maxDowntimeMs: [1, 2_000_000] } as const;

/** Registers the updates `abort`, `forceComplete` and `setPolicy`. Called first in a run. */
export function steering(): Steering {
  let moving: Moving | null = null;

  const check = (fields: readonly (keyof typeof limits)[]) => (request: unknown) => {
    const problem = problemOf(request, fields);
    if (problem !== null)
      throw ApplicationFailure.nonRetryable(`${problem.field} ${problem.message}`, 'InvalidRequest', { fields: [problem] });
    if (moving === null) throw refused('the guest is not being moved now');
  };
  const tell = async (wish: (host: HostActivities, of: Omit<Moving, 'source'>) => Promise<{ readonly refusal: string | null }>) => {
    if (moving === null) throw refused('the guest is not being moved any more');
    const { source, ...of } = moving;
    const { refusal, ...answer } = await wish(proxyActivities<HostActivities>(quicklyOn(source).options), of);
    if (refusal !== null) throw refused(refusal);
    return answer;
  };
  const [abort, forceComplete] = [defineUpdate<void, [unknown]>('abort'), defineUpdate<void, [unknown]>('forceComplete')];
  const setPolicy = defineUpdate<object, [Policy]>('setPolicy');
  setHandler(abort, async () => void (await tell((host, of) => host.abortMigration(of))), { validator: check([]) });
  setHandler(forceComplete, async () => void (await tell((host, of) => host.forceMigration(of))), { validator: check([]) });
  setHandler(setPolicy, (policy) => tell((host, of) => host.setMigrationPolicy({ ...of, ...policy })), {
    validator: check(['bandwidthMiBps', 'maxDowntimeMs']),
  });

  return {
    during: async (now, work) => {
      moving = now;
      try {
        return await work();
      } finally {
        moving = null;
      }
    },
  };
}

function refused(why: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(why, 'InvalidState', { vmState: null, taskState: null });
}

/** By hand: a schema library's answers change between releases, and a validator is replayed. */
function problemOf(request: unknown, fields: readonly (keyof typeof limits)[]): { field: string; message: string } | null {
  if (request === undefined) return null;
  if (typeof request !== 'object' || request === null || Array.isArray(request)) return { field: 'request', message: 'must be an object' };
  const unknown = Object.keys(request).find((name) => !fields.some((field) => field === name));
  if (unknown !== undefined) return { field: unknown, message: 'is no field of this request' };
  for (const [field, value] of Object.entries(request as Policy)) {
    const [min, max] = limits[field as keyof typeof limits];
    if (!Number.isInteger(value) || value < min || value > max) return { field, message: `must be a whole number from ${min} to ${max}` };
  }
  return null;
}
