import { Option } from '@commander-js/extra-typings';
import type { Instance } from '../model/instance.ts';
import { blockMigrations } from '../model/live-migration/arrivals.ts';
import { timeoutActions } from '../model/live-migration/policy.ts';
import { noWait, onFailure, wholeNumber } from './arguments.ts';
import type { Group } from './commands.ts';
import { examples } from './examples.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { follow } from './follow.ts';
import { instanceTable } from './instance-text.ts';
import { answer, answerStarted, type Session } from './session.ts';

const instanceArgument = ['<instance>', 'id or name'] as const;
const bandwidthOption = ['--bandwidth <MiB/s>', 'at most so much; 0: as much as there is', wholeNumber] as const;
const downtimeOption = ['--max-downtime <ms>', 'how long the guest may stand still at the end', wholeNumber] as const;

/** Adds what moves a guest while it runs: `novaflow instance live-migrate`, `abort-migration`, `force-migration`, `steer-migration`. */
export function addLiveMigrateCommands(group: Group, session: Session): void {
  addLiveMigrate(group, session);
  addWish(group, session, 'abort-migration', 'abort', 'have the guest of a live migration stay where it is');
  addWish(group, session, 'force-migration', 'forceComplete', 'have a live migration end, by post-copy or whatever pause that takes');
  addSteer(group, session);
}

function addLiveMigrate(group: Group, session: Session): void {
  group
    .command('live-migrate')
    .argument(...instanceArgument)
    .description('move an instance to another host while its guest runs')
    .option('--host <name>', 'to this host and no other')
    .addOption(new Option('--block-migration <whether>', 'whether disks are copied (default: auto)').choices(blockMigrations))
    .option(...bandwidthOption)
    .option(...downtimeOption)
    .option('--timeout <seconds>', 'how long it may take (default: by what is copied)', wholeNumber)
    .addOption(new Option('--on-timeout <what>', 'what is done when it takes longer').choices(timeoutActions))
    .option('--post-copy', 'the guest may go on there before its memory is')
    .option('--no-post-copy', 'it may not')
    .option('--auto-converge', 'slow a guest down that changes its memory too fast')
    .option('--no-auto-converge', 'do not')
    .option('--disk-over-commit', 'make room for what is in the disks only')
    .addOption(onFailure('rollback'))
    .option(...noWait)
    .addHelpText('after', examples('instance live-migrate web1', 'instance live-migrate web1 --host cn2 --max-downtime 300'))
    .action(async (idOrName, { wait, bandwidth, maxDowntime, timeout, ...options }) => {
      const cloud = await session.cloud();
      const instanceId = await cloud.idOf('instance', idOrName);
      const run = await cloud.start('liveMigrateInstance', idOrName, {
        instanceId,
        ...steered(bandwidth, maxDowntime),
        ...(timeout === undefined ? {} : { completionTimeoutSeconds: timeout }),
        ...options,
      });
      if (!wait) return answerStarted(session, run.id);
      const instance = (await follow(session, run)) as Instance;
      answer(session, { json: instance, ids: [instance.id], text: () => instanceTable([instance], session.terminal) });
    });
}

function addWish(group: Group, session: Session, command: string, update: 'abort' | 'forceComplete', description: string): void {
  group
    .command(command)
    .argument(...instanceArgument)
    .description(description)
    .addHelpText('after', examples(`instance ${command} web1`))
    .action((idOrName) => steer(session, idOrName, update, {}));
}

function addSteer(group: Group, session: Session): void {
  group
    .command('steer-migration')
    .argument(...instanceArgument)
    .description('change the policy of a live migration that runs; bandwidth acts on memory only')
    .option(...bandwidthOption)
    .option(...downtimeOption)
    .addHelpText('after', examples('instance steer-migration web1 --bandwidth 100 --max-downtime 500'))
    .action((idOrName, { bandwidth, maxDowntime }) => steer(session, idOrName, 'setPolicy', steered(bandwidth, maxDowntime)));
}

function steered(bandwidthMiBps: number | undefined, maxDowntimeMs: number | undefined): object {
  return {
    ...(bandwidthMiBps === undefined ? {} : { bandwidthMiBps }),
    ...(maxDowntimeMs === undefined ? {} : { maxDowntimeMs }),
  };
}

async function steer(session: Session, idOrName: string, update: 'abort' | 'forceComplete' | 'setPolicy', request: object): Promise<void> {
  const cloud = await session.cloud();
  const { id, name, operation } = await cloud.record('instance', idOrName);
  if (operation?.type !== 'liveMigrateInstance')
    throw new CommandError(exitCodes.refused, `instance ${name} (${id}) is not being migrated live`);
  const run = await cloud.decide(operation.workflowId, update, request);
  answer(session, { json: { operation: run }, ids: [run], text: () => `${run} took it: novaflow op wait ${run}` });
}
