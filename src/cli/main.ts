import { CommanderError } from '@commander-js/extra-typings';
import type { Cloud } from './cloud.ts';
import { CommandError, exitCodes } from './exit-codes.ts';
import { identityOf } from './identity.ts';
import { newProgram } from './program.ts';
import type { Session, Surroundings } from './session.ts';

/** Runs one call of the command and returns its exit code; whatever goes wrong is said, never thrown. */
export async function main(argv: readonly string[], { terminal, openCloud, serveCodec, pki }: Surroundings): Promise<number> {
  let exitCode: number = exitCodes.ok;
  let cloud: Promise<Cloud> | null = null;
  const session: Session = {
    terminal,
    cloud: () => {
      cloud ??= openCloud(identityOf(program.opts()));
      return cloud;
    },
    serveCodec,
    pki,
    isJson: () => program.opts().json === true,
    isQuiet: () => program.opts().quiet === true,
    endWith: (code) => {
      exitCode = code;
    },
  };
  const program = newProgram(session);
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    exitCode = await said(error, session);
  }
  await closed(cloud);
  return exitCode;
}

async function said(error: unknown, { terminal }: Session): Promise<number> {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.refused; // commander has said it
  // The classes of Temporal's failures are loaded only where one may have come.
  const { exitCode, message } = error instanceof CommandError ? error : (await import('./failures.ts')).explain(error);
  terminal.note(message);
  return exitCode;
}

async function closed(cloud: Promise<Cloud> | null): Promise<void> {
  await cloud?.then(
    ({ close }) => close(),
    () => {},
  );
}
