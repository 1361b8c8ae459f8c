import { join } from 'node:path';
import type { Token } from '../../model/tenure.ts';
import { isThere } from '../is-there.ts';
import { fail } from '../record-client.ts';
import { type FileReceiver, type ReceiverConfig, receiveFiles } from './file-receiver.ts';
import { purposeOf, requireRoom } from './opening.ts';
import { transferDirectory } from './places.ts';

/** Files and directories that come from one host, and how that sends them. */
export interface ExpectedFiles {
  readonly instanceId: string;
  readonly names: readonly string[];
  readonly client: string;
  /** By which it is known to who takes them by rsync; null: it sends them by HTTPS. */
  readonly publicKey: string | null;
  readonly attempt: number;
}

/** Has something that takes files into an instance's directory. Raises `DestinationDiskExists`, `DiskSpaceLow`, `MigrationPreCheckError`. */
export async function openForFiles(
  config: ReceiverConfig & { readonly runDir: string },
  directory: string,
  token: Token,
  { instanceId, names, attempt, ...sender }: ExpectedFiles,
): Promise<FileReceiver> {
  requirePlain(names);
  if (attempt > 1) await requireRoom(directory);
  await requireAbsent(directory, names);
  const transfers = transferDirectory(config.runDir, instanceId);
  return receiveFiles(config, { directory, transfers, purpose: purposeOf(token, attempt), ...sender });
}

/** Names in a directory, and none that a command could take for something else. */
export function requirePlain(names: readonly string[]): void {
  const strange = names.filter((name) => !/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(name));
  if (strange.length > 0) throw new TypeError(`${strange.join(', ')} cannot be the name of an instance's file`);
}

async function requireAbsent(directory: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    if (await isThere(join(directory, name))) {
      throw fail('DestinationDiskExists', `${join(directory, name)} is there already: another operation left it`);
    }
  }
}
