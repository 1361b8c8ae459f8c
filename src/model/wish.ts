import type { Refused } from './refused.ts';
import type { Run } from './tenure.ts';

/** An operation that has to follow from what was seen of a guest. The record keeps it until it has begun: who saw it may die before. */
export interface Wish {
  readonly type: 'startInstance' | 'stopInstance';
  readonly request: object;
  /** Of the operation; another for each generation of the instance. */
  readonly workflowId: string;
  /** `overtaken`: another operation took the instance first, so that this one may not begin any more, however late it is started. */
  readonly is: 'open' | 'started' | 'overtaken';
}

interface Wishing {
  readonly wish?: Wish | null;
}

/** What is left of the wish once `run` has taken the instance. */
export function wishAfterBegin({ wish = null }: Wishing, { workflowId }: Run): Wish | null {
  return wish === null || wish.workflowId === workflowId ? null : { ...wish, is: 'overtaken' };
}

/** The wish once its operation was started; another that came meanwhile stays as it is. */
export function wishAfterStart({ wish = null }: Wishing, workflowId: string): Wish | null {
  return wish?.workflowId === workflowId && wish.is === 'open' ? { ...wish, is: 'started' } : wish;
}

/** Why `run` may not begin, or null: it is the operation of a wish, and comes too late. */
export function refusalOfWished({ wish = null }: Wishing, { workflowId }: Run): Refused | null {
  if (wish?.workflowId !== workflowId || wish.is !== 'overtaken') return null;
  return { type: 'InstanceBusy', message: 'another operation took the instance first: what its guest was seen to be is over' };
}
