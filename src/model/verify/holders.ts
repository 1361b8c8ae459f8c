import type { Finding } from './finding.ts';
import type { SeenInstance } from './scene.ts';

/** A run of an operation that is open, and what it says it works on. */
export interface OpenRun {
  readonly workflowId: string;
  readonly runId: string;
  readonly type: string;
  readonly instanceId: string | null;
  readonly imageId: string | null;
}

/** Instances that are held by a run which has closed: nothing will let them go. */
export function closedHolderFindings(seen: Iterable<SeenInstance>): readonly Finding[] {
  return [...seen].flatMap(({ instance: { id, host, operation, open }, isHolderOpen }): readonly Finding[] => {
    if (isHolderOpen) return [];
    if (operation === null) {
      const what = `instance ${id} waits for ${open?.type} ${open?.workflowId}, run ${open?.runId}, which has closed`;
      return [{ kind: 'ClosedHolder', host, what, likelyCause: 'it was terminated: reset it in Temporal’s UI, and it waits on' }];
    }
    const what = `instance ${id} is held by ${operation.type} ${operation.workflowId}, run ${operation.runId}, which has closed`;
    return [{ kind: 'ClosedHolder', host, what, likelyCause: noWatch }];
  });
}

const noWatch = 'nobody watches for the end of operations: a control worker has to run; then the record lets go within seconds';

/** Images that are being imported by nobody. */
export function closedImportFindings(storing: readonly string[], open: readonly OpenRun[]): readonly Finding[] {
  return storing
    .filter((id) => !open.some(({ imageId }) => imageId === id))
    .map((id) => ({
      kind: 'ClosedHolder',
      host: null,
      what: `image ${id} is being imported by a run which has closed`,
      likelyCause: noWatch,
    }));
}

/** Operations that go on while the record of what they work on is held by another, or by nobody. */
export function openRunFindings(
  open: readonly OpenRun[],
  instances: ReadonlyMap<string, SeenInstance>,
  storing: readonly string[],
): readonly Finding[] {
  const holds = ({ instanceId, imageId, runId }: OpenRun) => {
    if (imageId !== null) return storing.includes(imageId);
    const instance = instances.get(instanceId ?? '')?.instance;
    return instance?.operation?.runId === runId || instance?.open?.runId === runId;
  };
  return open
    .filter((run) => !holds(run))
    .map(({ type, workflowId, runId, instanceId, imageId }) => ({
      kind: 'UnknownOperation',
      host: null,
      what: `${type} ${workflowId}, run ${runId}, works on ${imageId === null ? `instance ${instanceId}` : `image ${imageId}`}`,
      likelyCause: 'the record was taken over, or let go: no step of the run can act any more, so terminate it',
    }));
}
