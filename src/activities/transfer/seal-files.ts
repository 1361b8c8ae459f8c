import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { checksumOf } from '../copy.ts';
import { isThere } from '../is-there.ts';
import { fail } from '../record-client.ts';
import { renameDurably } from '../rename-durably.ts';
import { arrivedIn, filesName, incomingOf } from './file-receiver.ts';
import { endReceiver, forget } from './places.ts';
import type { SentFile } from './send-files.ts';

/** Files that came over. */
export interface Sealing {
  readonly directory: string;
  readonly transfers: string;
  readonly names: readonly string[];
  readonly sent: readonly SentFile[];
}

/**
 * Ends what received the files, makes sure that each is whole and survives a power loss, and gives it its place. One that has it keeps it.
 * Raises `TransferBroken`; then what came stays where it is.
 */
export async function sealFiles({ directory, transfers, names, sent }: Sealing): Promise<void> {
  await endReceiver(transfers, filesName);
  const incoming = await arrivedIn(directory, transfers);
  const [coming, there] = await Promise.all([present(incoming, names), present(directory, names)]);
  const lost = names.filter((name) => !coming.includes(name) && !there.includes(name));
  if (lost.length > 0) throw fail('TransferBroken', `${lost.join(', ')} did not come into ${incoming}`);
  for (const { path, sizeBytes, checksum } of sent) {
    if (coming.includes(path.split('/')[0] ?? '')) await requireWhole(join(incoming, path), { sizeBytes, checksum });
  }
  for (const name of coming) await renameDurably(join(incoming, name), join(directory, name));
  await rm(incomingOf(directory), { recursive: true, force: true });
  await forget(transfers, filesName);
}

async function requireWhole(path: string, due: Pick<SentFile, 'sizeBytes' | 'checksum'>): Promise<void> {
  const file = await open(path, 'r').catch(() => null);
  if (file === null) throw fail('TransferBroken', `${path} did not come`);
  try {
    const { size } = await file.stat();
    if (size !== due.sizeBytes) throw fail('TransferBroken', `${path} has ${size} bytes, its source has ${due.sizeBytes}`);
    if (due.checksum !== null && (await checksumOf(file)) !== due.checksum) {
      throw fail('TransferBroken', `${path} does not hold what its source holds`);
    }
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function present(directory: string, names: readonly string[]): Promise<readonly string[]> {
  if (!(await isThere(directory))) return [];
  const there = await readdir(directory);
  return names.filter((name) => there.includes(name));
}
