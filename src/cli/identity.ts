import { randomUUID } from 'node:crypto';
import { adminContext, type RequestContext } from '../context.ts';
import { lineOfText } from '../schema/patterns.ts';
import { CommandError, exitCodes } from './exit-codes.ts';

/** On whose behalf the command is typed. */
export interface IdentityOptions {
  readonly asUser?: string | undefined;
  readonly asProject?: string | undefined;
  readonly asAdmin?: true | undefined;
}

/**
 * The context of what the command starts; null: none was asked for, so that it is an administrator's. A user of a project is
 * none, unless `--as-admin` says so. Raises a sentence when half of it is missing.
 */
export function identityOf({ asUser, asProject, asAdmin }: IdentityOptions): RequestContext | null {
  if (asUser === undefined && asProject === undefined) return asAdmin === true ? adminContext(randomUUID()) : null;
  if (asUser === undefined || asProject === undefined) {
    throw new CommandError(exitCodes.refused, 'error: --as-user and --as-project (NOVAFLOW_AS_USER, NOVAFLOW_AS_PROJECT) belong together');
  }
  for (const [option, value] of [
    ['--as-user', asUser],
    ['--as-project', asProject],
  ] as const) {
    if (!lineOfText.test(value)) throw new CommandError(exitCodes.refused, `error: ${option} must be one line of 1 to 255 characters`);
  }
  return { userId: asUser, projectId: asProject, roles: [], requestId: randomUUID(), isAdmin: asAdmin === true };
}
