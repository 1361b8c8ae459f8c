import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { freePort } from '../free-port.ts';
import { isThere } from '../is-there.ts';
import { inheritedDescriptors, run } from '../run.ts';
import { requireCertificate } from './certificate.ts';
import { endListener, isListening } from './listeners.ts';
import {
  endReceiver,
  isSamePurpose,
  ownDirectoryOf,
  type Purpose,
  pidFileOf,
  type ReceiverNote,
  readNote,
  receiverProcess,
  writeNote,
} from './places.ts';
import { accounts, authorizedKey, sshdConfig } from './ssh.ts';
import { takeByHttps } from './take-by-https.ts';

/** Where files go. */
export type FileReceiver = RsyncReceiver | HttpsReceiver;

/** An sshd that takes files by rsync, and the key by which it is known: what came half is gone on with. */
interface RsyncReceiver {
  readonly carrier: 'rsync';
  readonly address: string;
  readonly port: number;
  readonly hostKey: string;
}

/** A listener of the destination's worker, at once there, that takes all of them in one go. */
interface HttpsReceiver {
  readonly carrier: 'https';
  readonly address: string;
  readonly port: number;
  readonly path: string;
}

/** What its receiver is called among those of an instance. */
export const filesName = 'files';

/** Where the files of an instance lie until they are sealed, below its directory; what goes by HTTPS has a directory for each attempt there. */
export function incomingOf(directory: string): string {
  return join(directory, 'incoming.partial');
}

/** Where what came lies: a listener of a worker that stands still may yet write where those of other attempts do not. */
export async function arrivedIn(directory: string, transfers: string): Promise<string> {
  const note = await readNote(transfers, filesName);
  return note?.into ?? incomingOf(directory);
}

const rrsync = '/usr/bin/rrsync';
const startMs = 10_000;
const pollMs = 10;

/** What is to be received, and for whom. */
interface Expected {
  readonly directory: string;
  readonly transfers: string;
  readonly purpose: Purpose;
  /** The host that sends. */
  readonly client: string;
  /** The key that it sends with; null: it has little to send, or no rsync. */
  readonly publicKey: string | null;
}

export type ReceiverConfig = Parameters<typeof takeByHttps>[0];

/**
 * Has something that takes files into a directory of the instance and does nothing else, for one host and one attempt of a transfer. One that
 * is there for it already is joined; what an earlier attempt of the operation brought is kept for rsync to go on with. It is noted before
 * anything is made for it, so that whatever a worker leaves that is killed is found by its note.
 */
export async function receiveFiles(config: ReceiverConfig, expected: Expected): Promise<FileReceiver> {
  const { directory, transfers, purpose, publicKey } = expected;
  const own = ownDirectoryOf(transfers, filesName);
  const note = await readNote(transfers, filesName);
  const byRsync = publicKey !== null && (await isThere(rrsync)) ? publicKey : null;
  if (note !== null && isSamePurpose(note.purpose, purpose) && (await isReceiving(transfers, own))) {
    return receiverAt(config, note, own);
  }
  await endReceiver(transfers, filesName);
  const isOurs = note?.purpose.run === purpose.run && note.purpose.generation === purpose.generation;
  if (!isOurs || byRsync === null) await rm(incomingOf(directory), { recursive: true, force: true });
  await rm(own, { recursive: true, force: true });
  return byRsync === null ? takeFiles(config, expected, own) : startSshd(config, { ...expected, publicKey: byRsync }, own);
}

async function isReceiving(transfers: string, own: string): Promise<boolean> {
  return isListening(own) || (await receiverProcess(transfers, filesName)) !== null;
}

async function receiverAt(
  { host: { address } }: ReceiverConfig,
  { port, into, purpose }: ReceiverNote,
  own: string,
): Promise<FileReceiver> {
  if (into !== undefined) return { carrier: 'https', address, port, path: pathFor(purpose) };
  return { carrier: 'rsync', address, port, hostKey: await readFile(join(own, 'host_key.pub'), 'utf8') };
}

/** Each attempt puts its files in a place of its own. */
function pathFor({ run: runId, generation, attempt }: Purpose): string {
  return `/${runId}.${generation}.${attempt}`;
}

async function takeFiles(config: ReceiverConfig, { directory, transfers, purpose, client }: Expected, own: string): Promise<FileReceiver> {
  await requireCertificate(config);
  const [path, incoming] = [pathFor(purpose), incomingOf(directory)];
  const into = join(incoming, path);
  const port = await takeByHttps(config, { own, into, path, client });
  const note = { purpose, port, partial: incoming, into, argument: own, endedBy: 'SIGKILL' } as const;
  try {
    await writeNote(transfers, filesName, note);
  } catch (error) {
    await endListener(own);
    throw error;
  }
  await mkdir(incoming, { recursive: true, mode: 0o700 });
  return receiverAt(config, note, own);
}

async function startSshd(
  config: ReceiverConfig,
  { directory, transfers, purpose, publicKey }: Expected & { readonly publicKey: string },
  own: string,
): Promise<FileReceiver> {
  const { address } = config.host;
  const port = await freePort(config.transferPorts, 'transferPorts', address);
  // Killed at once: it waits for the first process of a namespace, with which the kernel ends all others of it.
  const note = { purpose, port, partial: incomingOf(directory), argument: own, endedBy: 'SIGKILL' } as const;
  await writeNote(transfers, filesName, note);
  for (const made of [own, incomingOf(directory)]) await mkdir(made, { recursive: true, mode: 0o700 });
  await configure(own, { address, port, publicKey, command: `${rrsync} -wo -no-del ${incomingOf(directory)}` });
  await start(own, pidFileOf(transfers, filesName));
  await untilItListens(address, port, own);
  return receiverAt(config, note, own);
}

async function configure(
  own: string,
  { address, port, publicKey, command }: { address: string; port: number; publicKey: string; command: string },
): Promise<void> {
  const { passwd, shadow } = accounts(own);
  const files = { sshd_config: sshdConfig({ directory: own, address, port }), authorized_keys: authorizedKey(command, publicKey) };
  for (const [name, text] of Object.entries({ ...files, passwd, shadow })) {
    await writeFile(join(own, name), text, { mode: name === 'passwd' ? 0o644 : 0o600 });
  }
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', join(own, 'host_key')]);
}

/**
 * In namespaces of its own: its accounts, and all that it starts, which ends with it; what the host unmounts meanwhile is unmounted there,
 * too. It goes on when the step is over, so the locks of the step are not for it. Arguments: its directory, where its pid goes.
 */
async function start(own: string, pidFile: string): Promise<void> {
  await inheritedDescriptors.run([], () => run('setsid', ['--fork', 'sh', '-euc', background, 'sshd', own, pidFile]));
}

const inside = `
mount -n --bind "$1/passwd" /etc/passwd
mount -n --bind "$1/shadow" /etc/shadow
mount -n -t proc proc /proc
mkdir -p /run/sshd
exec /usr/sbin/sshd -D -e -f "$1/sshd_config"`;

const background = `
exec </dev/null >"$1/log" 2>&1
echo $$ >"$2"
exec unshare --mount --pid --fork --kill-child=KILL --propagation=slave -- sh -euc '${inside}' sshd "$1"`;

async function untilItListens(host: string, port: number, own: string): Promise<void> {
  for (const deadline = Date.now() + startMs; ; await setTimeout(pollMs)) {
    if (await listens(host, port)) return;
    if (Date.now() < deadline) continue;
    throw new Error(`sshd does not listen at ${host}:${port}: ${(await readFile(join(own, 'log'), 'utf8').catch(() => '')).slice(-500)}`);
  }
}

function listens(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host, port });
  socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
  return promise.finally(() => socket.destroy());
}
