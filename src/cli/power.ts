import { act } from './act.ts';
import { noWait, onFailure, wholeNumber } from './arguments.ts';
import type { Group } from './commands.ts';
import { examples } from './examples.ts';
import type { Session } from './session.ts';

/** A command that takes instances and says no more of them. */
interface Plain {
  readonly word: string;
  readonly operation:
    | 'startInstance'
    | 'pauseInstance'
    | 'unpauseInstance'
    | 'suspendInstance'
    | 'resumeInstance'
    | 'triggerCrashDump'
    | 'softDeleteInstance'
    | 'restoreInstance';
  readonly description: string;
}

const plain: readonly Plain[] = [
  { word: 'start', operation: 'startInstance', description: 'start the guest of an instance that is stopped' },
  { word: 'pause', operation: 'pauseInstance', description: "stop a guest's processors; its memory stays" },
  { word: 'unpause', operation: 'unpauseInstance', description: 'let a paused guest run on' },
  { word: 'suspend', operation: 'suspendInstance', description: "save a guest's memory to disk and end it" },
  { word: 'resume', operation: 'resumeInstance', description: 'let a suspended guest run on from its saved memory' },
  { word: 'crash-dump', operation: 'triggerCrashDump', description: 'make a guest dump its kernel, by a non-maskable interrupt' },
  { word: 'soft-delete', operation: 'softDeleteInstance', description: 'switch a guest off, and delete the instance after a time' },
  { word: 'restore', operation: 'restoreInstance', description: 'take a soft delete back' },
];

/** Adds what runs guests and ends them: `novaflow instance start`, `stop`, …; each takes several instances. */
export function addPowerCommands(group: Group, session: Session): void {
  for (const command of plain) addPlain(group, session, command);
  addStop(group, session);
  addReboot(group, session);
}

const instancesArgument = ['<instance...>', 'ids or names; several are done at the same time'] as const;

function addPlain(group: Group, session: Session, { word, operation, description }: Plain): void {
  group
    .command(word)
    .argument(...instancesArgument)
    .description(description)
    .addOption(onFailure('park'))
    .option(...noWait)
    .addHelpText('after', examples(`instance ${word} web1`, `instance ${word} web1 web2 --no-wait`))
    .action((instances, { wait, ...options }) => act(session, operation, { instances, wait, how: options }));
}

function addStop(group: Group, session: Session): void {
  group
    .command('stop')
    .argument(...instancesArgument)
    .description('stop a guest: it is asked to shut down, and switched off when it does not in time')
    .option('--hard', 'switch it off at once')
    .option('--timeout <seconds>', 'how long it may take to shut down', wholeNumber)
    .addOption(onFailure('park'))
    .option(...noWait)
    .addHelpText('after', examples('instance stop web1', 'instance stop web1 --timeout 300', 'instance stop web1 web2 --hard'))
    .action((instances, { wait, hard, timeout: timeoutSeconds, ...options }) => {
      const mode = hard === true ? ('hard' as const) : undefined;
      return act(session, 'stopInstance', { instances, wait, how: { mode, timeoutSeconds, ...options } });
    });
}

function addReboot(group: Group, session: Session): void {
  group
    .command('reboot')
    .argument(...instancesArgument)
    .description('reboot a guest: it is asked to shut down, or with --hard switched off and defined anew, whatever state it is in')
    .option('--hard', 'do not ask it')
    .addOption(onFailure('park'))
    .option(...noWait)
    .addHelpText('after', examples('instance reboot web1', 'instance reboot web1 web2 --hard'))
    .action((instances, { wait, hard, ...options }) => {
      const mode = hard === true ? ('hard' as const) : ('soft' as const);
      return act(session, 'rebootInstance', { instances, wait, how: { mode, ...options } });
    });
}
