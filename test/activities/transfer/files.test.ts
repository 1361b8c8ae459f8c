import { execFileSync } from 'node:child_process';
import { mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { FileReceiver } from '../../../src/activities/transfer/file-receiver.ts';
import { doneBytesIn } from '../../../src/activities/transfer/send-files.ts';
import { sshArgs } from '../../../src/activities/transfer/ssh.ts';
import { inActivity } from '../surroundings.ts';
import { type End, ends, instanceId, qemu, token } from './two-hosts.ts';

vi.setConfig({ testTimeout: 20_000 }); // an sshd and a handshake each, beside other test files

const MiB = 1024 ** 2;
const names = ['disk', 'nvram', 'tpm2'];
const content = Buffer.from(Uint8Array.from({ length: 3 * MiB }, (_, index) => (index % 251) + 1));

/** An overlay on a base that both hosts have, a file, and a directory of files. */
async function makeFiles(source: End): Promise<void> {
  const base = source.at('../base');
  await writeFile(base, '');
  execFileSync('truncate', ['-s', '64M', base]);
  qemu('qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', base, source.at('disk'));
  qemu('qemu-io', '-f', 'qcow2', '-c', 'write -P 7 30M 3M', source.at('disk'));
  await writeFile(source.at('nvram'), content);
  await mkdir(source.at('tpm2'));
  await writeFile(source.at('tpm2/state'), 'secret', { mode: 0o600 });
}

async function opened(
  { source, destination }: { source: End; destination: End },
  { attempt = 1, hasRsync = true } = {},
): Promise<FileReceiver> {
  const key = await inActivity(() => source.makeFileKey({ token, instanceId }));
  return inActivity(() => destination.openFileReceiver({ token, instanceId, names, ...key, hasRsync, attempt }));
}

async function closed({ source, destination }: { source: End; destination: End }): Promise<unknown> {
  await inActivity(() => source.stopSending({ token, instanceId }));
  await inActivity(() => destination.closeReceivers({ token, instanceId }));
  const left = async ({ traces, processes }: End) => [...(await traces()), ...(await processes())];
  return { source: (await left(source)).filter((name) => !/^(nvram|tpm2)/.test(`${name}`)), destination: await left(destination) };
}

test.for([true, false])('files come over whole and in their places, by rsync: %s, else by tar', async (hasRsync) => {
  const { source, destination } = await ends();
  await makeFiles(source);
  const to = await opened({ source, destination }, { hasRsync });
  expect(to.carrier).toBe(hasRsync ? 'rsync' : 'tar');
  const { sent } = await inActivity(() => source.sendFiles({ token, instanceId, names, from: '', to }));
  expect(await readdir(destination.at('.'))).not.toContain('disk');
  const seal = () => inActivity(() => destination.sealFiles({ token, instanceId, names, sent }));
  await seal();
  for (const name of ['disk', 'nvram', 'tpm2/state']) {
    expect((await readFile(destination.at(name))).equals(await readFile(source.at(name)))).toBe(true);
  }
  expect((await stat(destination.at('tpm2/state'))).mode & 0o777).toBe(0o600);
  await seal(); // a step that is repeated finds what it did
  await inActivity(() => source.stopSending({ token, instanceId }));
  expect(await destination.processes()).toEqual([]);
  expect((await readdir(destination.at('.'))).sort()).toEqual(['disk', 'generation', 'lock', 'nvram', 'tpm2']);
  expect(await readdir(join(source.runDir, 'transfers'))).toEqual([]);
  expect(await readdir(join(destination.runDir, 'transfers'))).toEqual([]);
});

test('a key opens nothing but the way into the one directory, and no other key opens that', async () => {
  const { source, destination, stranger } = await ends();
  await makeFiles(source);
  const to = await opened({ source, destination });
  const ssh = (end: End, ...command: string[]) => {
    const key = join(end.runDir, 'transfers', instanceId, 'files.key');
    const [file = '', ...args] = sshArgs({ port: to.port, key, knownHosts: `${key}.hosts`, silenceSeconds: 60 });
    return () => execFileSync(file, [...args, to.address, ...command], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  };
  await inActivity(() => source.sendFiles({ token, instanceId, names, from: '', to })); // it writes the known host
  expect(ssh(source, 'cat', '/etc/shadow')).toThrow('does not run rsync');
  expect(ssh(source)).toThrow('Not invoked via sshd');
  expect(ssh(source, 'rsync', '--server', '--sender', '-e.LsfxC', '.', 'disk')).toThrow('write-only');
  const outside = destination.at('../outside');
  await writeFile(source.at('outside'), 'x');
  expect(ssh(source, 'rsync', '--server', '-e.LsfxC', '.', '../outside')).toThrow();
  await expect(stat(outside)).rejects.toThrow('ENOENT');

  await inActivity(() => stranger.makeFileKey({ token, instanceId }));
  await makeFiles(stranger);
  const intrude = () => inActivity(() => stranger.sendFiles({ token, instanceId, names, from: '', to }));
  await expect(intrude()).rejects.toMatchObject({ type: 'TransferBroken', message: expect.stringContaining('Permission denied') });
  await inActivity(() => stranger.stopSending({ token, instanceId }));
  await rm(source.at('outside'));
  expect(await closed({ source, destination })).toEqual({ source: [], destination: [] });
});

test('an attempt that was killed in the making of its key or its note keeps the next from nothing, and nothing of it stays', async () => {
  const { source, destination } = await ends();
  await makeFiles(source);
  for (const { runDir } of [source, destination]) await mkdir(join(runDir, 'transfers', instanceId), { recursive: true });
  const at = ({ runDir }: End, name: string) => join(runDir, 'transfers', instanceId, name);
  await writeFile(at(source, 'files.key'), 'a private key whose public half was never written');
  await writeFile(at(source, 'files.key.new'), 'half of one');
  await writeFile(at(destination, 'disk.receiver.new'), '{"purp');
  const to = await opened({ source, destination });
  await inActivity(() => source.sendFiles({ token, instanceId, names, from: '', to }));
  await writeFile(at(source, 'files.key.new'), 'half of another');
  expect(await closed({ source, destination })).toEqual({ source: [], destination: [] });
});

test('nothing is sent to who has another host key', async () => {
  const { source, destination } = await ends();
  await makeFiles(source);
  const to = await opened({ source, destination });
  const other = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
  const send = () => inActivity(() => source.sendFiles({ token, instanceId, names, from: '', to: { ...to, hostKey: other } }));
  await expect(send()).rejects.toMatchObject({ type: 'TransferBroken', message: expect.stringContaining('Host key verification failed') });
  expect(await closed({ source, destination })).toEqual({ source: [], destination: [] });
});

test('a later attempt goes on with what came, and what came of another operation is removed', async () => {
  const { source, destination } = await ends();
  await makeFiles(source);
  const first = await opened({ source, destination });
  const [sshd] = await destination.processes();
  const half = await open(destination.at('incoming.partial/nvram'), 'w');
  await half.write(content, 0, MiB);
  await half.close();
  expect(await opened({ source, destination })).toEqual(first); // the same attempt joins
  expect(await destination.processes()).toContain(sshd);
  const to = await opened({ source, destination }, { attempt: 2 });
  expect(to.hostKey).not.toBe(first.hostKey);
  expect((await stat(destination.at('incoming.partial/nvram'))).size).toBe(MiB);
  const { sent } = await inActivity(() => source.sendFiles({ token, instanceId, names, from: '', to }));
  const key = await inActivity(() => source.makeFileKey({ token, instanceId }));
  const later = { ...token, run: 'run-2', generation: token.generation + 1 };
  await inActivity(() => destination.openFileReceiver({ token: later, instanceId, names, ...key, attempt: 1 }));
  expect(await readdir(destination.at('incoming.partial'))).toEqual([]);
  const seal = () => inActivity(() => destination.sealFiles({ token: later, instanceId, names, sent }));
  await expect(seal()).rejects.toMatchObject({ type: 'TransferBroken', message: expect.stringContaining('did not come') });
  await inActivity(() => destination.closeReceivers({ token: later, instanceId }));
  await inActivity(() => source.stopSending({ token, instanceId }));
  expect(await destination.processes()).toEqual([]);
});

test('a file that changed on its way is not given its place', async () => {
  const { source, destination } = await ends();
  await makeFiles(source);
  const to = await opened({ source, destination }, { hasRsync: false });
  const { sent } = await inActivity(() => source.sendFiles({ token, instanceId, names, from: '', to }));
  const file = await open(destination.at('incoming.partial/nvram'), 'r+');
  await file.write(Buffer.from('x'), 0, 1, MiB);
  await file.close();
  const seal = () => inActivity(() => destination.sealFiles({ token, instanceId, names, sent }));
  await expect(seal()).rejects.toMatchObject({ type: 'TransferBroken', message: expect.stringContaining('nvram does not hold') });
  expect(await closed({ source, destination })).toEqual({ source: [], destination: [] });
});

test('what is no plain name, and what is there already, is never received', async () => {
  const { source, destination } = await ends();
  const key = await inActivity(() => source.makeFileKey({ token, instanceId }));
  const receive = (name: string) =>
    inActivity(() => destination.openFileReceiver({ token, instanceId, names: [name], ...key, attempt: 1 }));
  for (const name of ['../x', '-e', 'a/b', '.ssh', 'host:x']) await expect(receive(name)).rejects.toThrow('cannot be the name');
  await writeFile(destination.at('disk'), '');
  await expect(receive('disk')).rejects.toMatchObject({ type: 'DestinationDiskExists' });
  await inActivity(() => source.stopSending({ token, instanceId }));
});

test.for([
  ['         32,768   0%    0.00kB/s    0:00:00', null],
  ['          32768   1%    0.00kB/s    0:00:00\r        3145728  98%   10.00MB/s    0:00:00', 3_145_728],
  ['sending incremental file list', null],
] as const)('rsync says "%s"', ([printed, bytes]) => {
  expect(doneBytesIn(printed)).toBe(bytes);
});
