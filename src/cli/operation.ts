import { wholeNumber } from './arguments.ts';
import { addGroup, type Group, type Program } from './commands.ts';
import { examples } from './examples.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { explanationText } from './explanation.ts';
import { follow } from './follow.ts';
import { operationSheet, operationTable } from './operation-text.ts';
import { answer, answerList, type Session } from './session.ts';

const operationArgument = 'id of the operation, or the name of its instance';

/** Adds `novaflow op …`. */
export function addOperationCommands(program: Program, session: Session): void {
  const group = addGroup(program, 'op', 'operations: what ran, runs, or waits for a decision');
  addList(group, session);
  addShow(group, session);
  addExplain(group, session);
  addWait(group, session);
  addDecision(group, session, 'retry', 'try the step again at which an operation is parked', 'disk space freed');
  addDecision(group, session, 'rollback', 'give a parked operation up and undo what it did', 'the host is lost');
  addCancel(group, session);
}

function addList(group: Group, session: Session): void {
  group
    .command('list')
    .description('list operations: those that run, then the last that ended')
    .option('--running', 'only those that still run')
    .option('--parked', 'only those that wait for a decision')
    .option('--instance <instance>', 'only those of this instance (id or name)')
    .option('--project <id>', 'only those of this project')
    .option('--limit <count>', 'the first so many', wholeNumber, 50)
    .addHelpText('after', examples('op list', 'op list --parked', 'op list --instance web1 --limit 5'))
    .action(async ({ running, parked, instance, project, limit }) => {
      const cloud = await session.cloud();
      const instanceId = instance === undefined ? undefined : await cloud.idOf('instance', instance);
      const rows = await cloud.list('operation', { isRunning: running, isParked: parked, instanceId, projectId: project, limit });
      answerList(session, { rows, idOf: ({ id }) => id, text: (all) => operationTable(all, session.terminal), none: 'no operations' });
    });
}

function addShow(group: Group, session: Session): void {
  group
    .command('show')
    .argument('<operation>', operationArgument)
    .description('show the steps of an operation, what it waits for, and how it ended')
    .addHelpText('after', examples('op show build/web1/3f9a01c2', 'op show web1'))
    .action(async (idOrName) => {
      const report = await (await session.cloud()).report(idOrName);
      answer(session, { json: report, ids: [report.id], text: () => operationSheet(report, session.terminal) });
    });
}

function addExplain(group: Group, session: Session): void {
  group
    .command('explain')
    .argument('<operation>', operationArgument)
    .description('show how the host of a build was chosen: what each filter removed and why, the weights, who took the claim')
    .addHelpText('after', examples('op explain build/web1/3f9a01c2', 'op explain web1', 'op explain web1 --json'))
    .action(async (idOrName) => {
      const explanation = await (await session.cloud()).explain(idOrName);
      answer(session, { json: explanation, ids: [explanation.id], text: () => explanationText(explanation) });
    });
}

function addWait(group: Group, session: Session): void {
  group
    .command('wait')
    .argument('<operation>', operationArgument)
    .description('follow an operation until it is over')
    .addHelpText('after', examples('op wait build/web1/3f9a01c2'))
    .action(async (idOrName) => {
      const run = await (await session.cloud()).run(idOrName);
      const result = await follow(session, run);
      answer(session, { json: result, ids: [run.id], text: () => `${run.id} is completed` });
    });
}

function addDecision(group: Group, session: Session, verdict: 'retry' | 'rollback', description: string, exampleReason: string): void {
  group
    .command(verdict)
    .argument('<operation>', operationArgument)
    .description(description)
    .requiredOption('--reason <text>', 'kept in the history')
    .option('--park <number>', 'only while this is the number of the park', wholeNumber)
    .addHelpText('after', examples(`op ${verdict} build/web1/3f9a01c2 --reason "${exampleReason}"`))
    .action(async (idOrName, { reason, park }) => {
      const decision = { reason, ...(park === undefined ? {} : { park }) };
      const id = await (await session.cloud()).decide(idOrName, verdict, decision);
      answerWith(session, id, `${id} took it: novaflow op wait ${id}`);
    });
}

function addCancel(group: Group, session: Session): void {
  group
    .command('cancel')
    .argument('<operation>', operationArgument)
    .description('ask an operation to cancel: it undoes what it did, unless it is past its point of no return')
    .option('--no-wait', 'do not wait for its end')
    .addHelpText('after', examples('op cancel build/web1/3f9a01c2', 'op cancel web1 --no-wait'))
    .action(async (idOrName, { wait }) => {
      const cloud = await session.cloud();
      const { id, endedAt, status } = await cloud.report(idOrName);
      if (endedAt !== null) throw new CommandError(exitCodes.refused, `${id} has ended before: ${status}`);
      const run = await cloud.run(id);
      await run.cancel();
      if (!wait) return answerWith(session, id, `${id} was asked to cancel`);
      await follow(session, run).catch((error: unknown) => {
        if (error instanceof CommandError) throw error; // left; any other end is told by the report
      });
      const end = await cloud.report(id);
      answerWith(session, id, `${id} is ${end.status}`);
      if (end.status !== 'cancelled') session.endWith(exitCodes.failed);
    });
}

function answerWith(session: Session, id: string, text: string): void {
  answer(session, { json: { operation: id }, ids: [id], text: () => text });
}
