import type { Instance } from '../model/instance.ts';
import type { OperationName, RequestInputOf } from '../schema/request.ts';
import type { Run } from './cloud.ts';
import { follow } from './follow.ts';
import { instanceTable } from './instance-text.ts';
import { answer, type Session } from './session.ts';

/** Operations that take an instance, and return it. */
export type InstanceOperation = {
  [Name in OperationName]: RequestInputOf<Name> extends { readonly instanceId: string } ? Name : never;
}[OperationName];

interface Acting<Name extends InstanceOperation> {
  readonly instances: readonly string[];
  /** What the request says beside the instance; what is undefined is left out. */
  readonly how: { readonly [Field in keyof Omit<RequestInputOf<Name>, 'instanceId'>]: RequestInputOf<Name>[Field] | undefined };
  readonly wait: boolean;
}

/** Does the same to each of the instances, to all at the same time, and prints what they have become. One that fails keeps none of the others. */
export async function act<Name extends InstanceOperation>(
  session: Session,
  name: Name,
  { instances: given, how, wait }: Acting<Name>,
): Promise<void> {
  const cloud = await session.cloud();
  const said = Object.fromEntries(Object.entries(how).filter(([, value]) => value !== undefined));
  const ids = await Promise.all(given.map((idOrName) => cloud.idOf('instance', idOrName)));
  const requests = ids.map((instanceId) => ({ instanceId, ...said }) as RequestInputOf<Name>);
  const runs = await Promise.all(requests.map((request, index) => cloud.start(name, given[index] ?? '', request)));
  if (!wait) return answerStarted(session, runs);

  const instances: Instance[] = [];
  const failures: unknown[] = [];
  for (const run of runs) {
    await follow(session, run).then(
      (instance) => instances.push(instance as Instance),
      (failure) => failures.push(failure),
    );
  }
  if (instances.length > 0) {
    answer(session, { json: instances, ids: instances.map(({ id }) => id), text: () => instanceTable(instances, session.terminal) });
  }
  await sayAll(session, failures);
}

function answerStarted(session: Session, runs: readonly Run[]): void {
  const ids = runs.map(({ id }) => id);
  answer(session, { json: ids.map((operation) => ({ operation })), ids, text: () => ids.join('\n') });
}

/** All failures but the last, which ends the command. */
async function sayAll({ terminal }: Session, failures: unknown[]): Promise<void> {
  const last = failures.pop();
  if (last === undefined) return;
  const { explain } = await import('./failures.ts');
  for (const failure of failures) terminal.note(explain(failure).message);
  throw last;
}
