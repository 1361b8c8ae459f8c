import { setTimeout } from 'node:timers/promises';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { uuid } from '../../schema/patterns.ts';
import type { RecordKind, Records } from '../cloud.ts';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { codeOf, status } from '../grpc-status.ts';
import { idsNamed } from './lists.ts';

/** After the death of a worker the first query waits some seconds for the next one. */
const answerWithinMs = 10_000;
/** A record that goes on in a new run cannot answer until the first task of that run is there. */
const betweenRunsMs = 200;

/** Whose instances are there: those of a project, or all. */
export interface View {
  readonly projectId: string | undefined;
}

/** The id of a record by its id or its name. Hosts and networks have no other id than their name. */
export async function idOf(client: Client, view: View, kind: RecordKind, idOrName: string): Promise<string> {
  if (kind === 'host' || kind === 'network' || uuid.test(idOrName)) return idOrName;
  const ids = await idsNamed(client, kind, idOrName, kind === 'instance' ? view : {});
  return onlyOf(ids, kind, idOrName);
}

/** The record of this id or name, whole. */
export async function recordOf<Kind extends RecordKind>(client: Client, view: View, kind: Kind, idOrName: string): Promise<Records[Kind]> {
  const record = await queriedRecord(client, kind, await idOf(client, view, kind, idOrName));
  if (record === null || !isIn(view, record)) throw absent(kind, idOrName);
  return record;
}

/** The record of an instance that is there, or of one that was deleted. */
export async function pastRecordOf(client: Client, view: View, idOrName: string): Promise<Records['instance']> {
  if (uuid.test(idOrName)) return recordOf(client, view, 'instance', idOrName);
  const present = await idsNamed(client, 'instance', idOrName, view);
  const ids = present.length > 0 ? present : await idsNamed(client, 'instance', idOrName, { ...view, isDeleted: true });
  return recordOf(client, view, 'instance', onlyOf(ids, 'instance', idOrName));
}

function isIn({ projectId }: View, record: object): boolean {
  return projectId === undefined || !('projectId' in record) || record.projectId === projectId;
}

function onlyOf(ids: readonly string[], kind: RecordKind, name: string): string {
  const [id] = ids;
  if (id === undefined) throw absent(kind, name);
  if (ids.length === 1) return id;
  throw new CommandError(
    exitCodes.refused,
    `${ids.length} ${kind}s are named ${name}; give an id:\n${ids.map((one) => `  ${one}`).join('\n')}`,
  );
}

/** The record of this id, or null when there is none. Raises a sentence when no control worker answers for it. */
export async function queriedRecord<Kind extends RecordKind>(client: Client, kind: Kind, id: string): Promise<Records[Kind] | null> {
  const ask = () => client.workflow.getHandle(`${kind}/${id}`).query<Records[Kind] | null>('record');
  const query = () => client.withDeadline(Date.now() + answerWithinMs, ask);
  try {
    return await query().catch(async (error: unknown) => {
      if (codeOf(error) !== status.FAILED_PRECONDITION) throw error;
      await setTimeout(betweenRunsMs);
      return query();
    });
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    if (codeOf(error) !== status.DEADLINE_EXCEEDED) throw error;
    throw new CommandError(exitCodes.unreachable, `nobody answers for ${kind} ${id}: is a control worker running?`, { cause: error });
  }
}

function absent(kind: RecordKind, idOrName: string): CommandError {
  return new CommandError(exitCodes.notFound, `there is no ${kind} ${idOrName}`);
}
