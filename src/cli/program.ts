import { addCodecServerCommand } from './codec-server.ts';
import { newCommand, type Program } from './commands.ts';
import { addConfigCommand } from './config.ts';
import { exitCodesHelp } from './exit-codes.ts';
import { addHostCommands } from './host.ts';
import { addImageCommands } from './image.ts';
import { addInstanceCommands } from './instance.ts';
import { addNetworkCommands } from './network.ts';
import { addOperationCommands } from './operation.ts';
import { addPkiCommands } from './pki.ts';
import type { Session } from './session.ts';
import { addVerifyCommand } from './verify.ts';

const connectionHelp = `
Temporal is found as Temporal's own clients find it: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, … and its configuration file.
Wherever an id is wanted a name will do, as long as only one has it.`;

/** The whole command: options are accepted before and after the words of a command. */
export function newProgram(session: Session): Program {
  const { terminal } = session;
  const program = newCommand()
    .description('Virtual machines on many libvirt hosts, every operation a durable Temporal workflow.')
    .exitOverride()
    .showHelpAfterError('(--help shows the usage and examples)')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: (text) => terminal.print(text.trimEnd()), writeErr: (text) => terminal.note(text.trimEnd()) })
    .addHelpText('after', `${connectionHelp}\n${exitCodesHelp}`);
  addInstanceCommands(program, session);
  addImageCommands(program, session);
  addNetworkCommands(program, session);
  addHostCommands(program, session);
  addOperationCommands(program, session);
  addVerifyCommand(program, session);
  addPkiCommands(program, session);
  addCodecServerCommand(program, session);
  addConfigCommand(program, session);
  return program;
}
