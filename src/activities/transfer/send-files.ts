import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { together } from '../../model/together.ts';
import { urlHost } from '../../model/url-host.ts';
import { checksumOfFile } from '../copy.ts';
import { isNotInstalled } from '../failures.ts';
import { isThere } from '../is-there.ts';
import { tellProgress } from '../progress.ts';
import { run } from '../run.ts';
import { brokenTransfer } from './broken.ts';
import type { FileReceiver } from './file-receiver.ts';
import { dropIfEmpty } from './places.ts';
import { putByHttps } from './put-by-https.ts';
import { knownHost, sshArgs } from './ssh.ts';

/** A file that was sent, by its path below the directory. */
export interface SentFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** Null where the program that carried it has compared it. */
  readonly checksum: string | null;
}

const keyName = 'files.key';
const halfMade = `${keyName}.new`;

/**
 * Finds the key for the transfers of an operation, or makes it where it `isNeeded` and rsync is installed; it never leaves this host. Returns
 * its public half, or null.
 */
export async function makeFileKey(transfers: string, isNeeded: () => Promise<boolean>): Promise<string | null> {
  const key = join(transfers, keyName);
  if (!(await isThere(`${key}.pub`))) {
    if (!((await isNeeded()) && (await isInstalled('rsync')))) return null;
    await mkdir(transfers, { recursive: true, mode: 0o700 });
    await makeKey(transfers);
  }
  return readFile(`${key}.pub`, 'utf8');
}

/** Both halves under other names, which an attempt that died may have left; the public one comes last, and says that the key is whole. */
async function makeKey(transfers: string): Promise<void> {
  const [partial, key] = [join(transfers, halfMade), join(transfers, keyName)];
  for (const half of ['', '.pub']) await rm(`${partial}${half}`, { force: true });
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', partial]);
  for (const half of ['', '.pub']) await rename(`${partial}${half}`, `${key}${half}`);
}

/** Removes the key: nobody gets in by it any more. */
export async function forgetKey(transfers: string): Promise<void> {
  for (const name of [keyName, `${keyName}.pub`, `${keyName}.hosts`, halfMade, `${halfMade}.pub`])
    await rm(join(transfers, name), { force: true });
  await dropIfEmpty(transfers);
}

type SenderConfig = Parameters<typeof putByHttps>[0];

interface Outgoing {
  readonly transfers: string;
  readonly directory: string;
  readonly names: readonly string[];
  readonly to: FileReceiver;
}

/** Sends files and directories of a directory, holes as holes. Raises `TransferBroken`. */
export async function sendFiles(config: SenderConfig, outgoing: Outgoing): Promise<readonly SentFile[]> {
  const { transfers, directory, names, to } = outgoing;
  const files = await filesBelow(directory, names);
  const totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const tell = (doneBytes: number) => tellProgress({ step: 'send files', doneBytes, totalBytes });
  tell(0);
  if (to.carrier === 'rsync') {
    await sendByRsync(config, { ...outgoing, to }, tell);
    return files.map((file) => ({ ...file, checksum: null }));
  }
  const checksums = Promise.all(files.map(({ path }) => checksumOfFile(join(directory, path))));
  const [found] = await together([checksums, putByHttps(config, { directory, names, to })]);
  await forgetKey(transfers); // which the destination had no use for
  return files.map((file, index) => ({ ...file, checksum: found[index] ?? null }));
}

async function sendByRsync(
  { transferSilenceSeconds: silenceSeconds }: SenderConfig,
  { transfers, directory, names, to }: Outgoing & { readonly to: { readonly carrier: 'rsync' } },
  tell: (doneBytes: number) => void,
): Promise<void> {
  const key = join(transfers, keyName);
  const knownHosts = `${key}.hosts`;
  await writeFile(knownHosts, knownHost(to.hostKey));
  const ssh = sshArgs({ port: to.port, key, knownHosts, silenceSeconds });
  const onOutput = (printed: string) => {
    const done = doneBytesIn(printed);
    if (done !== null) tell(done);
  };
  const args = rsyncArgs({ ssh, names, address: to.address, silenceSeconds });
  await brokenTransfer(() => run('rsync', args, { cwd: directory, onOutput }));
}

/** rsync compares what it wrote with what it read, whole, and begins a file again that differs. */
function rsyncArgs(way: { ssh: readonly string[]; names: readonly string[]; address: string; silenceSeconds: number }): readonly string[] {
  const { ssh, names, address, silenceSeconds } = way;
  const shell = ssh.map((word) => `'${word.replaceAll("'", "''")}'`).join(' ');
  const how = ['--recursive', '--perms', '--times', '--links', '--sparse', '--partial', '--inplace', '--fsync', '--no-inc-recursive'];
  const told = ['--info=progress2', '--no-human-readable', `--timeout=${silenceSeconds}`];
  return [...how, ...told, `--rsh=${shell}`, '--', ...names, `${urlHost(address)}:`];
}

/** What is done by the last line of `--info=progress2`: `     12345678  45%   10.00MB/s    0:00:01`. */
export function doneBytesIn(printed: string): number | null {
  const bytes = [...printed.matchAll(/(?<=^|\s)(\d+)\s+\d+%/g)].at(-1)?.[1];
  return bytes === undefined ? null : Number(bytes);
}

async function filesBelow(directory: string, names: readonly string[]): Promise<readonly Omit<SentFile, 'checksum'>[]> {
  const found: Omit<SentFile, 'checksum'>[] = [];
  for (const name of names) {
    const about = await stat(join(directory, name));
    if (!about.isDirectory()) found.push({ path: name, sizeBytes: about.size });
    else
      found.push(
        ...(await filesBelow(
          directory,
          (await readdir(join(directory, name))).map((below) => join(name, below)),
        )),
      );
  }
  return found;
}

async function isInstalled(command: string): Promise<boolean> {
  try {
    await run(command, ['--version']);
    return true;
  } catch (error) {
    if (isNotInstalled(error)) return false;
    throw error;
  }
}
