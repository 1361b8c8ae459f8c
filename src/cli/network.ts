import type { Network } from '../model/network.ts';
import { each, wholeNumber } from './arguments.ts';
import { addGroup, type Group, type Program } from './commands.ts';
import { examples } from './examples.ts';
import { resultOf } from './follow.ts';
import { networkRequest } from './network-request.ts';
import { networkSheet, networkTable } from './network-text.ts';
import { answer, answerList, type Session } from './session.ts';
import { addShow } from './show.ts';

/** Adds `novaflow network …`. */
export function addNetworkCommands(program: Program, session: Session): void {
  const group = addGroup(program, 'network', 'networks that instances get their addresses from');
  addCreate(group, session);
  addList(group, session);
  addShow(group, session, 'network', {
    named: 'its name',
    description: 'show all of a network, and whose its addresses are',
    examples: ['network show default'],
    idOf: ({ name }) => name,
    sheet: networkSheet,
  });
}

function addCreate(group: Group, session: Session): void {
  group
    .command('create')
    .argument('<name>', 'its name, which is its id')
    .description('make a network; its bridge must be there on every host')
    .requiredOption('--cidr <subnet>', 'IPv4 subnet')
    .requiredOption('--bridge <bridge>', 'Linux bridge on the hosts')
    .option('--gateway <address>', 'default route of its guests')
    .option('--pool <start-end>', 'addresses to give out (default: the whole subnet)')
    .option('--mtu <bytes>', 'largest packet (default: 1500)', wholeNumber)
    .option('--dns <address>', 'name server of its guests; may be repeated', each)
    .option('--default', 'the network of instances that ask for none')
    .addHelpText(
      'after',
      examples(
        'network create default --cidr 10.0.0.0/24 --bridge br0 --gateway 10.0.0.1 --default',
        'network create storage --cidr 10.0.8.0/24 --bridge br1 --pool 10.0.8.100-10.0.8.200 --mtu 9000',
      ),
    )
    .action(async (name, options) => {
      const request = networkRequest(name, options);
      const network = (await resultOf(session, await (await session.cloud()).start('createNetwork', name, request))) as Network;
      answer(session, { json: network, ids: [name], text: () => networkTable([{ ...network, ports: network.ports.length }]) });
    });
}

function addList(group: Group, session: Session): void {
  group
    .command('list')
    .description('list networks')
    .addHelpText('after', examples('network list', 'network list --json'))
    .action(async () => {
      const rows = await (await session.cloud()).list('network', {});
      answerList(session, { rows, idOf: ({ name }) => name, text: networkTable, none: 'no networks' });
    });
}
