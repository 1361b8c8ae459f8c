import type { Instance } from '../model/instance.ts';
import { noWait, onFailure, wholeNumber } from './arguments.ts';
import type { Run } from './cloud.ts';
import type { Group } from './commands.ts';
import { examples } from './examples.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { follow } from './follow.ts';
import { instanceTable } from './instance-text.ts';
import { answer, answerStarted, type Session } from './session.ts';

const instanceArgument = ['<instance>', 'id or name'] as const;
const hostOption = ['--host <name>', 'to this host and no other; an administrator may say so'] as const;
const windowOption = ['--confirm-window <seconds>', 'confirm it after so long; 0: never by itself'] as const;

/** Adds what gives an instance another flavor or host: `novaflow instance resize`, `migrate`, `confirm-resize`, `revert-resize`. */
export function addResizeCommands(group: Group, session: Session): void {
  addResize(group, session);
  addMigrate(group, session);
  addDecision(group, session, 'confirm', 'keep what a resize or migration made of an instance; what it had before goes');
  addDecision(group, session, 'revert', 'give an instance back what it had before its resize or migration; what was written since is lost');
}

function addResize(group: Group, session: Session): void {
  group
    .command('resize')
    .argument(...instanceArgument)
    .description('give an instance another flavor; it waits for confirm-resize or revert-resize then')
    .requiredOption('--flavor <flavor>', 'name of the flavor')
    .option(...hostOption)
    .option(...windowOption, wholeNumber)
    .addOption(onFailure('park once the guest is off'))
    .option(...noWait)
    .addHelpText(
      'after',
      examples('instance resize web1 --flavor m1.small', 'instance resize web1 --flavor m1.small --confirm-window 86400'),
    )
    .action((idOrName, { wait, confirmWindow, ...options }) => move(session, 'resizeInstance', { idOrName, wait, confirmWindow, options }));
}

function addMigrate(group: Group, session: Session): void {
  group
    .command('migrate')
    .argument(...instanceArgument)
    .description('move an instance to another host, its guest shut down meanwhile; it waits for confirm-resize or revert-resize then')
    .option(...hostOption)
    .option(...windowOption, wholeNumber)
    .addOption(onFailure('park once the guest is off'))
    .option(...noWait)
    .addHelpText('after', examples('instance migrate web1', 'instance migrate web1 --host cn2'))
    .action((idOrName, { wait, confirmWindow, ...options }) =>
      move(session, 'migrateInstance', { idOrName, wait, confirmWindow, options }),
    );
}

interface Moving {
  readonly idOrName: string;
  readonly wait: boolean;
  readonly confirmWindow: number | undefined;
  readonly options: object;
}

/** Follows until the instance is resized: its run goes on, for days perhaps. */
async function move(
  session: Session,
  type: 'resizeInstance' | 'migrateInstance',
  { idOrName, wait, confirmWindow, options }: Moving,
): Promise<void> {
  const cloud = await session.cloud();
  const instanceId = await cloud.idOf('instance', idOrName);
  const window = confirmWindow === undefined ? {} : { confirmWindowSeconds: confirmWindow };
  const run = await cloud.start(type, idOrName, { instanceId, ...window, ...options });
  if (!wait) return answerStarted(session, run.id);
  const end = await follow(session, run, ({ instance }) => instance?.vmState === 'resized' && instance.operation === null);
  const instance = (end ?? (await cloud.record('instance', instanceId))) as Instance;
  answer(session, {
    json: instance,
    ids: [instance.id],
    text: () => `${instanceTable([instance], session.terminal)}\n${hint(instance, idOrName)}`,
  });
}

function hint({ open }: Instance, idOrName: string): string {
  if (open === null) return '';
  const until = open.until === null ? '' : ` (confirmed by itself at ${open.until})`;
  return [
    `  to keep it so:    novaflow instance confirm-resize ${idOrName}${until}`,
    `  to take it back:  novaflow instance revert-resize ${idOrName}`,
  ].join('\n');
}

function addDecision(group: Group, session: Session, decision: 'confirm' | 'revert', description: string): void {
  const command = group
    .command(`${decision}-resize`)
    .argument(...instanceArgument)
    .description(description)
    .option('--no-wait', 'do not wait for its end')
    .addHelpText('after', examples(`instance ${decision}-resize web1`));
  if (decision === 'revert') {
    command
      .option('--reason <text>', 'shown by instance events')
      .action((idOrName, { wait, reason }) =>
        decide(session, { idOrName, wait, decision, request: reason === undefined ? {} : { reason } }),
      );
  } else command.action((idOrName, { wait }) => decide(session, { idOrName, wait, decision, request: {} }));
}

interface Deciding {
  readonly idOrName: string;
  readonly wait: boolean;
  readonly decision: 'confirm' | 'revert';
  readonly request: object;
}

async function decide(session: Session, { idOrName, wait, decision, request }: Deciding): Promise<void> {
  const cloud = await session.cloud();
  const { id, name, open, vmState } = await cloud.record('instance', idOrName);
  if (open === null || vmState !== 'resized')
    throw new CommandError(exitCodes.refused, `instance ${name} (${id}) is ${vmState}: no resize waits`);
  await cloud.decide(open.workflowId, decision, request);
  const run: Run = await cloud.run(open.workflowId);
  if (!wait) return answerStarted(session, run.id);
  const instance = (await follow(session, run)) as Instance;
  answer(session, { json: instance, ids: [instance.id], text: () => instanceTable([instance], session.terminal) });
}
