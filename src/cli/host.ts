import type { Host } from '../model/host.ts';
import type { HostAudit } from '../schema/results.ts';
import { addGroup, type Group, type Program } from './commands.ts';
import { examples } from './examples.ts';
import { exitCodes } from './exit-codes.ts';
import { resultOf } from './follow.ts';
import { auditText, hostSheet, hostTable } from './host-text.ts';
import { answer, answerList, type Session } from './session.ts';
import { addShow } from './show.ts';

/** Adds `novaflow host …`. */
export function addHostCommands(program: Program, session: Session): void {
  const group = addGroup(program, 'host', 'compute hosts');
  addList(group, session);
  addShow(group, session, 'host', {
    named: 'its name',
    description: 'show all of a host',
    examples: ['host show cn1'],
    idOf: ({ name }) => name,
    sheet: hostSheet,
  });
  addEnable(group, session);
  addDisable(group, session);
  addFence(group, session);
  addAudit(group, session);
}

function addList(group: Group, session: Session): void {
  group
    .command('list')
    .description('list hosts with what is free on them')
    .option('--state <state>', 'only those that are up, down or disabled')
    .addHelpText('after', examples('host list', 'host list --state down'))
    .action(async ({ state }) => {
      const rows = await (await session.cloud()).list('host', { objectState: state });
      answerList(session, { rows, idOf: ({ host }) => host, text: (all) => hostTable(all, session.terminal), none: 'no hosts' });
    });
}

function addEnable(group: Group, session: Session): void {
  group
    .command('enable')
    .argument('<host>', 'its name')
    .description('let new instances onto a host again')
    .option('--reason <text>', 'kept in the history')
    .addHelpText('after', examples('host enable cn1', 'host enable cn1 --reason "memory replaced"'))
    .action((name, { reason }) => setEnabled(session, 'enableHost', name, reason));
}

function addDisable(group: Group, session: Session): void {
  group
    .command('disable')
    .argument('<host>', 'its name')
    .description('keep new instances away from a host; those on it stay')
    .option('--reason <text>', 'shown in lists')
    .addHelpText('after', examples('host disable cn1 --reason "bad memory"'))
    .action((name, { reason }) => setEnabled(session, 'disableHost', name, reason));
}

function addFence(group: Group, session: Session): void {
  group
    .command('fence')
    .argument('<host>', 'its name')
    .description('say that a host which is down is off: addresses of deleted instances that it might still run are free again')
    .requiredOption('--reason <text>', 'how that was made sure; kept in the history')
    .addHelpText('after', examples('host fence cn1 --reason "power supply pulled"'))
    .action(async (name, { reason }) => {
      const record = (await resultOf(session, await (await session.cloud()).start('fenceHost', name, { host: name, reason }))) as Host;
      answer(session, { json: record, ids: [record.name], text: () => `${name} runs nothing: its debts keep no address any more` });
    });
}

function addAudit(group: Group, session: Session): void {
  group
    .command('audit')
    .argument('<host>', 'its name')
    .description('compare a host with its record and its claims, and give back claims of deleted instances; exit code 1 when more is wrong')
    .addHelpText('after', examples('host audit cn1', 'host audit cn1 --json'))
    .action(async (name) => {
      const run = await (await session.cloud()).start('auditHost', name, { host: name });
      const audit = (await resultOf(session, run)) as HostAudit;
      answer(session, { json: audit, ids: audit.differences.map(({ what }) => what), text: () => auditText(audit) });
      if (audit.differences.length > 0) session.endWith(exitCodes.failed);
    });
}

async function setEnabled(session: Session, operation: 'enableHost' | 'disableHost', name: string, reason: string | undefined) {
  const request = { host: name, ...(reason === undefined ? {} : { reason }) };
  const record = (await resultOf(session, await (await session.cloud()).start(operation, name, request))) as Host;
  answer(session, { json: record, ids: [record.name], text: () => `${name} is ${record.enabled ? 'enabled' : 'disabled'}` });
}
