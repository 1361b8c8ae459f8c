import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config.ts';
import { urlHost } from '../../model/url-host.ts';
import { checksumOfFile } from '../copy.ts';
import { isNotInstalled } from '../failures.ts';
import { isThere } from '../is-there.ts';
import { tellProgress } from '../progress.ts';
import { run } from '../run.ts';
import { brokenTransfer } from './broken.ts';
import type { FileReceiver } from './file-receiver.ts';
import { dropIfEmpty } from './places.ts';
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

/** Makes a key for the transfers of an operation, or finds the one it has; it never leaves this host. Returns its public half. */
export async function makeFileKey(transfers: string): Promise<{ publicKey: string; hasRsync: boolean }> {
  await mkdir(transfers, { recursive: true, mode: 0o700 });
  const key = join(transfers, keyName);
  if (!(await isThere(`${key}.pub`))) await makeKey(transfers);
  return { publicKey: await readFile(`${key}.pub`, 'utf8'), hasRsync: await isInstalled('rsync') };
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

/** Sends files and directories of a directory, holes as holes. Raises `TransferBroken`. */
export async function sendFiles(
  { transferSilenceSeconds: silenceSeconds }: Pick<Config, 'transferSilenceSeconds'>,
  { transfers, directory, names, to }: { transfers: string; directory: string; names: readonly string[]; to: FileReceiver },
): Promise<readonly SentFile[]> {
  const key = join(transfers, keyName);
  const knownHosts = `${key}.hosts`;
  await writeFile(knownHosts, knownHost(to.hostKey));
  const ssh = sshArgs({ port: to.port, key, knownHosts, silenceSeconds });
  const files = await filesBelow(directory, names);
  const totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const tell = (doneBytes: number) => tellProgress({ step: 'send files', doneBytes, totalBytes });
  tell(0);
  if (to.carrier === 'rsync') {
    const onOutput = (printed: string) => {
      const done = doneBytesIn(printed);
      if (done !== null) tell(done);
    };
    const args = rsyncArgs({ ssh, names, address: to.address, silenceSeconds });
    await brokenTransfer(() => run('rsync', args, { cwd: directory, onOutput }));
    return files.map((file) => ({ ...file, checksum: null }));
  }
  await brokenTransfer(() =>
    run('bash', ['-euo', 'pipefail', '-c', pipe, 'send', `${ssh.length + 1}`, ...ssh, to.address, ...names], { cwd: directory }),
  );
  return Promise.all(files.map(async (file) => ({ ...file, checksum: await checksumOfFile(join(directory, file.path)) })));
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

/** Its first argument is the number of words that call the other host; the names follow them. */
const pipe = `
count=$1; shift
tar --create --sparse --file=- -- "\${@:count+1}" | "\${@:1:count}"`;

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
