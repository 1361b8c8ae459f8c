import { act } from './act.ts';
import { wholeNumber } from './arguments.ts';
import type { Group } from './commands.ts';
import { examples } from './examples.ts';
import type { Session } from './session.ts';

/** Adds what runs guests and ends them: `novaflow instance start`, `stop`, …; each takes several instances. */
export function addPowerCommands(group: Group, session: Session): void {
  addStart(group, session);
  addStop(group, session);
}

const instancesArgument = ['<instance...>', 'ids or names; several are done at the same time'] as const;
const noWait = ['--no-wait', 'start the operation and print its id'] as const;

function addStart(group: Group, session: Session): void {
  group
    .command('start')
    .argument(...instancesArgument)
    .description('start the guest of an instance that is stopped')
    .option(...noWait)
    .addHelpText('after', examples('instance start web1', 'instance start web1 web2 --no-wait'))
    .action((instances, { wait }) => act(session, 'startInstance', { instances, requestOf: (instanceId) => ({ instanceId }), wait }));
}

function addStop(group: Group, session: Session): void {
  group
    .command('stop')
    .argument(...instancesArgument)
    .description('stop a guest: it is asked to shut down, and switched off when it does not in time')
    .option('--hard', 'switch it off at once')
    .option('--timeout <seconds>', 'how long it may take to shut down', wholeNumber)
    .option(...noWait)
    .addHelpText('after', examples('instance stop web1', 'instance stop web1 --timeout 300', 'instance stop web1 web2 --hard'))
    .action((instances, { hard, timeout, wait }) => {
      const how = { ...(hard === true ? { mode: 'hard' as const } : {}), ...(timeout === undefined ? {} : { timeoutSeconds: timeout }) };
      return act(session, 'stopInstance', { instances, requestOf: (instanceId) => ({ instanceId, ...how }), wait });
    });
}
