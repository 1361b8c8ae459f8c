import { activityInfo } from '@temporalio/activity';
import type { Image } from '../model/image.ts';
import type { Instance } from '../model/instance.ts';
import type { Enter, Finish, Run, Token } from '../model/tenure.ts';
import { whenListed } from './listing.ts';
import { fail, queryRecord, update } from './record-client.ts';

/** Where an operation is, as the record is told. */
export type Entering = HeldRecord & Omit<Enter<object>, 'run'>;

interface HeldRecord {
  readonly record: { readonly kind: 'instance' | 'image'; readonly id: string };
  /** The operation's first run: the same after resets. */
  readonly firstRunId: string;
}

export interface RecordActivities {
  /** Tells the record where the operation is; returns the token that its next steps carry. Raises `ResetRefused`. Repeatable. */
  enter(input: Entering): Promise<Token>;
  /** Lets the record go and returns it once lists show it. Repeatable. */
  finish(input: HeldRecord & Omit<Finish<object>, 'run'>): Promise<unknown>;
}

export const recordActivities: RecordActivities = {
  enter: ({ record, firstRunId, ...message }) =>
    update<Token>(idOf(record), 'enter', { run: runOf(firstRunId), ...message }, overOf(record)),
  finish: async ({ record, firstRunId, ...message }) => {
    const run = runOf(firstRunId);
    const finished = await update<Finished>(idOf(record), 'finish', { run, ...message }, overOf(record)).catch(async (failure: unknown) => {
      const closed = await closedBy(record, run);
      if (closed === null) throw failure;
      return closed;
    });
    const { record: left, shownAt } = finished;
    await Promise.all([whenListed(idOf(record), shownAt), record.kind === 'instance' ? settle(left as Instance) : null]);
    return left;
  },
};

/** Tells the host of an instance that was built that it is: it keeps the disks busy no more. */
async function settle({ id, host, vmState, taskHistory }: Instance): Promise<void> {
  const wasBuilt = taskHistory.some(({ taskState }) => taskState === 'spawning');
  if (host === null || vmState !== 'active' || !wasBuilt) return;
  const gone = fail('HostNotFound', `there is no host ${host}`);
  await update(`host/${host}`, 'settle', { instanceId: id }, gone).catch((failure: unknown) => {
    if (failure !== gone) throw failure; // nobody is left who counts
  });
}

interface Finished {
  readonly record: unknown;
  readonly shownAt: string;
}

/** The record of what was deleted when it was this run that deleted it: an attempt before this one did not live to tell. */
async function closedBy({ kind, id }: HeldRecord['record'], run: Run): Promise<Finished | null> {
  if (kind === 'image') {
    const image = await queryRecord<Image>('image', id);
    // Nobody but the delete that holds an image ends its record.
    return image?.status === 'killed' ? { record: image, shownAt: '' } : null;
  }
  const instance = await queryRecord<Instance>('instance', id);
  const isOurs = instance?.vmState === 'deleted' && instance.recent.at(-1)?.runId === run.runId;
  return isOurs ? { record: instance, shownAt: instance.updatedAt } : null;
}

/** The run that this activity really belongs to: its input may be older than a reset. */
export function runOf(firstRunId: string): Run {
  const { workflowExecution } = activityInfo();
  if (workflowExecution === undefined) throw new Error('an activity that no workflow started');
  return { ...workflowExecution, firstRunId };
}

function idOf({ kind, id }: HeldRecord['record']): string {
  return `${kind}/${id}`;
}

function overOf(record: HeldRecord['record']): ReturnType<typeof fail> {
  return fail('ResetRefused', `${idOf(record)} is over: what this operation began has ended`);
}
