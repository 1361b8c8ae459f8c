import type { ConsoleOutput } from '../activities/console.ts';
import type { Instance } from '../model/instance.ts';
import { each, noWait, onFailure, pairs, wholeNumber } from './arguments.ts';
import { addGroup, type Group, type Program } from './commands.ts';
import { printable } from './console-text.ts';
import { examples } from './examples.ts';
import { follow, resultOf } from './follow.ts';
import { addChangeCommands } from './instance-changes.ts';
import { eventsOf, eventsText } from './instance-events.ts';
import { addPasswordCommand } from './instance-password.ts';
import { buildRequest, ephemerals, readKeys } from './instance-request.ts';
import { readSecrets } from './instance-secrets.ts';
import { instanceSheet, instanceTable } from './instance-text.ts';
import { addLiveMigrateCommands } from './live-migrate.ts';
import { addPowerCommands } from './power.ts';
import { addRemoteConsoleCommands } from './remote-console.ts';
import { addResizeCommands } from './resize.ts';
import { answer, answerList, answerStarted, type Session } from './session.ts';
import { addShow } from './show.ts';
import { addSnapshotCommands } from './snapshot.ts';

/** Adds `novaflow instance …`. */
export function addInstanceCommands(program: Program, session: Session): void {
  const group = addGroup(program, 'instance', 'instances: virtual machines and what belongs to them');
  addCreate(group, session);
  addList(group, session);
  addShow(group, session, 'instance', {
    named: 'id or name',
    description: 'show all of an instance',
    examples: ['instance show web1', 'instance show web1 --json'],
    idOf: ({ id }) => id,
    sheet: instanceSheet,
  });
  addEvents(group, session);
  addPowerCommands(group, session);
  addChangeCommands(group, session);
  addResizeCommands(group, session);
  addLiveMigrateCommands(group, session);
  addSnapshotCommands(group, session);
  addPasswordCommand(group, session);
  addDelete(group, session);
  addConsoleLog(group, session);
  addRemoteConsoleCommands(group, session);
}

function addCreate(group: Group, session: Session): void {
  group
    .command('create')
    .argument('<name>', 'need not be unique')
    .description('build an instance and start its guest')
    .requiredOption('--image <image>', 'id or name of the image')
    .requiredOption('--flavor <flavor>', 'name of the flavor')
    .option('--network <name[=address]>', 'a port on this network; may be repeated (default: one on the default network)', each)
    .option('--no-network', 'no port')
    .option('--key, --public-key <file>', 'public SSH keys for the guest; may be repeated', each)
    .option('--user-data <file>', 'what cloud-init runs in the guest, sent encrypted')
    .option('--file <path=localfile>', 'a file for the guest, sent encrypted; may be repeated', pairs)
    .option('--admin-password-stdin', 'read the password of the guest from standard input, its first line')
    .option('--meta <key=value>', 'metadata; may be repeated', pairs)
    .option('--ephemeral <GiB[=format]>', "an ephemeral disk, in place of the flavor's; may be repeated", ephemerals)
    .option('--swap <GiB>', "a swap disk, in place of the flavor's", wholeNumber)
    .option('--az <zone>', 'availability zone')
    .option('--hint <hint=value>', 'same_host, different_host (ids, by commas), build_near_host_ip, cidr; may be repeated', pairs)
    .option('--id <uuid>', 'id of the instance (default: a new one)')
    .option('--no-config-drive', 'no config drive')
    .addOption(onFailure())
    .option(...noWait)
    .addHelpText(
      'after',
      examples(
        'instance create web1 --image tiny --flavor lab.tiny',
        'instance create web1 --image tiny --flavor lab.tiny --network default=10.0.0.7 --key id_ed25519.pub --meta role=web',
        'instance create web1 --image tiny --flavor m1.small --no-network --no-wait',
        'instance create web2 --image tiny --flavor lab.tiny --hint different_host=0196f3b0-7c6e-4d57-9a59-0a1f2c3d4e5f',
        'instance create web1 --image tiny --flavor lab.tiny --user-data init.sh --file /etc/motd=motd',
        'instance create web1 --image tiny --flavor lab.tiny --admin-password-stdin < password',
        'instance create web1 --image tiny --flavor roomy --ephemeral 10=ext4 --ephemeral 5 --swap 1',
      ),
    )
    .action(async (name, { publicKey = [], wait, ...options }) => {
      const secrets = await readSecrets(options, session.terminal);
      const request = buildRequest(name, { ...options, keys: await readKeys(publicKey), secrets });
      const run = await (await session.cloud()).start('buildInstance', name, request);
      if (!wait) return answerStarted(session, run.id);
      const instance = (await follow(session, run)) as Instance;
      answer(session, { json: instance, ids: [instance.id], text: () => instanceTable([instance], session.terminal) });
    });
}

function addList(group: Group, session: Session): void {
  group
    .command('list')
    .description('list instances')
    .option('--name <name>', 'only those of this name')
    .option('--host <host>', 'only those on this host')
    .option('--state <vmState>', 'only those in this state: active, stopped, error, …')
    .option('--project <id>', 'only those of this project')
    .option('--deleted', 'those that were deleted, as long as Temporal keeps them')
    .addHelpText(
      'after',
      examples(
        'instance list',
        'instance list --host cn1 --state active',
        'instance list --project engine',
        'instance list --deleted --json',
      ),
    )
    .action(async ({ name, host, state, project, deleted }) => {
      const rows = await (await session.cloud()).list('instance', { name, host, vmState: state, projectId: project, isDeleted: deleted });
      answerList(session, { rows, idOf: ({ id }) => id, text: (all) => instanceTable(all, session.terminal), none: 'no instances' });
    });
}

function addEvents(group: Group, session: Session): void {
  group
    .command('events')
    .argument('<instance>', 'id or name, of one that was deleted too')
    .description('show what was done to an instance: what, by whom, when, and how it ended; the last 20 operations')
    .addHelpText('after', examples('instance events web1', 'instance events web1 --json'))
    .action(async (idOrName) => {
      const events = eventsOf(await (await session.cloud()).pastRecord(idOrName));
      const ids = events.map(({ workflowId }) => workflowId);
      answer(session, { json: events, ids, text: () => eventsText(events, session.terminal) });
    });
}

function addDelete(group: Group, session: Session): void {
  group
    .command('delete')
    .argument('<instance>', 'id or name')
    .description('delete an instance in whatever state it is; what runs on it is cancelled first')
    .option(...noWait)
    .addHelpText('after', examples('instance delete web1', 'instance delete 0196f3b0-7c6e-4d57-9a59-0a1f2c3d4e5f --no-wait'))
    .action(async (idOrName, { wait }) => {
      const cloud = await session.cloud();
      const instanceId = await cloud.idOf('instance', idOrName);
      const run = await cloud.start('deleteInstance', idOrName, { instanceId });
      if (!wait) return answerStarted(session, run.id);
      const instance = (await follow(session, run)) as Instance;
      answer(session, { json: instance, ids: [instance.id], text: () => `${instance.name} (${instance.id}) is deleted` });
    });
}

function addConsoleLog(group: Group, session: Session): void {
  group
    .command('console-log')
    .argument('<instance>', 'id or name')
    .description('print the end of what the guest wrote to its serial console')
    .option('--bytes <count>', 'how much of it (default: 65536)', wholeNumber)
    .addHelpText('after', examples('instance console-log web1', 'instance console-log web1 --bytes 2000'))
    .action(async (idOrName, { bytes }) => {
      const cloud = await session.cloud();
      const instanceId = await cloud.idOf('instance', idOrName);
      const request = { instanceId, ...(bytes === undefined ? {} : { maxBytes: bytes }) };
      const log = (await resultOf(session, await cloud.start('getConsoleOutput', idOrName, request))) as ConsoleOutput;
      if (session.isJson()) session.terminal.print(JSON.stringify(log, null, 2));
      else session.terminal.print(session.terminal.isLive ? printable(log.output) : log.output);
    });
}
