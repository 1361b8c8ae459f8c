import { readFile } from 'node:fs/promises';
import { CommandError, exitCodes } from './exit-codes.ts';
import type { SecretFields } from './instance-request.ts';
import type { Terminal } from './terminal.ts';

/** The secrets of `instance create` as they were typed: a password never is, since others see what is typed. */
export interface SecretOptions {
  /** A file. */
  readonly userData?: string | undefined;
  /** Local files by their path in the guest. */
  readonly file?: Readonly<Record<string, string>> | undefined;
  readonly adminPasswordStdin?: boolean | undefined;
}

/** The secrets themselves. Raises a `CommandError` that names the file that cannot be read. */
export async function readSecrets({ userData, file, adminPasswordStdin }: SecretOptions, { input }: Terminal): Promise<SecretFields> {
  const read = Object.entries(file ?? {}).map(async ([path, local]) => ({ path, contentsBase64: await base64Of(local) }));
  return {
    ...(userData === undefined ? {} : { userData: await base64Of(userData) }),
    ...(file === undefined ? {} : { files: await Promise.all(read) }),
    ...(adminPasswordStdin === true ? { adminPassword: firstLineOf(await input()) } : {}),
  };
}

async function base64Of(file: string): Promise<string> {
  const bytes = await readFile(file).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError(exitCodes.refused, `a file for the guest cannot be read: ${why}`, { cause: error });
  });
  return bytes.toString('base64');
}

function firstLineOf(text: string): string {
  return text.split(/\r?\n/, 1)[0] ?? '';
}
