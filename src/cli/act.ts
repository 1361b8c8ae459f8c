import type { Instance } from '../model/instance.ts';
import type { OperationName, RequestInputOf } from '../schema/request.ts';
import type { Run } from './cloud.ts';
import { follow } from './follow.ts';
import { instanceTable } from './instance-text.ts';
import { answer, type Session } from './session.ts';

/** Operations that take an instance, and return it. */
export type InstanceOperation = {
  [Name in OperationName]: RequestInputOf<Name> extends { instanceId: string } ? Name : never;
}[OperationName];

interface Acting<Name extends InstanceOperation> {
  readonly instances: readonly string[];
  readonly requestOf: (instanceId: string) => RequestInputOf<Name>;
  readonly wait: boolean;
}

/** Does the same to each of the instances, to all at the same time, and prints what they have become. One that fails keeps none of the others. */
export async function act<Name extends InstanceOperation>(session: Session, name: Name, acting: Acting<Name>): Promise<void> {
  const { instances: given, requestOf, wait } = acting;
  const cloud = await session.cloud();
  const ids = await Promise.all(given.map((idOrName) => cloud.idOf('instance', idOrName)));
  const runs = await Promise.all(ids.map((id, index) => cloud.start(name, given[index] ?? id, requestOf(id))));
  if (!wait) {
    const operations = runs.map(({ id }) => id);
    answer(session, { json: runs.map(({ id: operation }) => ({ operation })), ids: operations, text: () => operations.join('\n') });
    return;
  }
  const instances: Instance[] = [];
  const failures: unknown[] = [];
  for (const run of runs)
    await end(session, run).then(
      (instance) => instances.push(instance),
      (failure) => failures.push(failure),
    );
  if (instances.length > 0) {
    answer(session, { json: instances, ids: instances.map(({ id }) => id), text: () => instanceTable(instances, session.terminal) });
  }
  await say(session, failures);
}

function end(session: Session, run: Run): Promise<Instance> {
  return follow(session, run) as Promise<Instance>;
}

/** All failures but the last, which ends the command. */
async function say({ terminal }: Session, failures: unknown[]): Promise<void> {
  const last = failures.pop();
  if (last === undefined) return;
  const { explain } = await import('./failures.ts');
  for (const failure of failures) terminal.note(explain(failure).message);
  throw last;
}
