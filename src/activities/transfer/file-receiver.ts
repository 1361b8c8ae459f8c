import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Config } from '../../config.ts';
import { freePort } from '../free-port.ts';
import { isThere } from '../is-there.ts';
import { inheritedDescriptors, run } from '../run.ts';
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

/** The program that both hosts have: files that came half are gone on with by rsync only. */
export type Carrier = 'rsync' | 'tar';

/** Where files go, and the key by which that place is known. */
export interface FileReceiver {
  readonly address: string;
  readonly port: number;
  readonly hostKey: string;
  readonly carrier: Carrier;
}

/** What its receiver is called among those of an instance. */
export const filesName = 'files';

/** Where the files of an instance lie until they are sealed, below its directory. */
export function incomingOf(directory: string): string {
  return join(directory, 'incoming.partial');
}

const rrsync = '/usr/bin/rrsync';
const startMs = 10_000;
const pollMs = 10;

/**
 * Has an sshd that takes files into a directory of the instance and does nothing else, for one key and one attempt of a transfer. One that
 * runs for it already is joined; what an earlier attempt of the operation brought is kept for rsync to go on with.
 */
export async function receiveFiles(
  { host, transferPorts }: Pick<Config, 'host' | 'transferPorts'>,
  { directory, transfers }: { readonly directory: string; readonly transfers: string },
  { purpose, publicKey, hasRsync }: { readonly purpose: Purpose; readonly publicKey: string; readonly hasRsync: boolean },
): Promise<FileReceiver> {
  const own = ownDirectoryOf(transfers, filesName);
  const carrier: Carrier = hasRsync && (await isThere(rrsync)) ? 'rsync' : 'tar';
  const receiver = async (port: number): Promise<FileReceiver> => ({
    ...{ address: host.address, port, carrier },
    hostKey: await readFile(join(own, 'host_key.pub'), 'utf8'),
  });
  const note = await readNote(transfers, filesName);
  if (note !== null && isSamePurpose(note.purpose, purpose) && (await receiverProcess(transfers, filesName)) !== null) {
    return receiver(note.port);
  }
  await endReceiver(transfers, filesName);
  await clear({ directory, own, note, purpose, carrier });
  const port = await freePort(transferPorts, 'transferPorts', host.address);
  // Killed at once: it is the first process of a namespace, with which the kernel ends all others of it.
  await writeNote(transfers, filesName, { purpose, port, partial: incomingOf(directory), argument: own, endedBy: 'SIGKILL' });
  await configure(own, { address: host.address, port, publicKey, command: commandOf(carrier, incomingOf(directory)) });
  await start(own, pidFileOf(transfers, filesName));
  await untilItListens(host.address, port, own);
  return receiver(port);
}

/** What a stranger to this operation left is removed, and what tar brought, which cannot be gone on with. */
async function clear(left: {
  directory: string;
  own: string;
  note: ReceiverNote | null;
  purpose: Purpose;
  carrier: Carrier;
}): Promise<void> {
  const { directory, own, note, purpose, carrier } = left;
  const isOurs = note?.purpose.run === purpose.run && note.purpose.generation === purpose.generation;
  if (!isOurs || carrier === 'tar') await rm(incomingOf(directory), { recursive: true, force: true });
  await rm(own, { recursive: true, force: true });
  await mkdir(own, { recursive: true, mode: 0o700 });
  await mkdir(incomingOf(directory), { recursive: true, mode: 0o700 });
}

/** What the key may do: write below the directory, and read nothing. */
function commandOf(carrier: Carrier, directory: string): string {
  return carrier === 'rsync'
    ? `${rrsync} -wo -no-del ${directory}`
    : `tar --extract --sparse --no-same-owner --directory=${directory} --file=-`;
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
