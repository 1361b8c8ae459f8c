import { act } from './act.ts';
import { noWait } from './arguments.ts';
import type { Group } from './commands.ts';
import { examples } from './examples.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import type { Session } from './session.ts';
import type { Terminal } from './terminal.ts';

/** Adds `novaflow instance set-password`. */
export function addPasswordCommand(group: Group, session: Session): void {
  group
    .command('set-password')
    .argument('<instance>', 'id or name')
    .description(
      "give the guest's administrator a password by its agent: it is asked for, or the first line of standard input, and sent encrypted",
    )
    .option(...noWait)
    .addHelpText('after', examples('instance set-password web1', 'instance set-password web1 < password'))
    .action(async (instance, { wait }) => {
      const adminPassword = await newPassword(session.terminal);
      await act(session, 'setInstancePassword', { instances: [instance], wait, how: { adminPassword } });
    });
}

async function newPassword(terminal: Terminal): Promise<string> {
  if (!terminal.isAnswered) return (await terminal.input()).split(/\r?\n/, 1)[0] ?? '';
  const typed = await terminal.askSecret('new password: ');
  const again = typed === null ? null : await terminal.askSecret('once more: ');
  if (typed === null || again === null) throw new CommandError(exitCodes.left, 'nothing was changed');
  if (typed !== again) throw new CommandError(exitCodes.refused, 'the two differ: nothing was changed');
  return typed;
}
