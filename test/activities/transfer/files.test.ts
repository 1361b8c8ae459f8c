import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { forgetHalfMade } from '../../../src/activities/transfer/close.ts';
import type { FileReceiver } from '../../../src/activities/transfer/file-receiver.ts';
import { isListening } from '../../../src/activities/transfer/listeners.ts';
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

type Ends = Record<'source' | 'destination', End>;

async function opened<Carrier extends FileReceiver['carrier']>(
  { source, destination }: Ends,
  carrier: Carrier,
  { attempt = 1 } = {},
): Promise<FileReceiver & { readonly carrier: Carrier }> {
  // What it has beside that decides how it is sent.
  await writeFile(source.at('much'), '');
  if (carrier === 'rsync') execFileSync('fallocate', ['-l', '65M', source.at('much')]);
  const key = await inActivity(() => source.makeFileKey({ token, instanceId }));
  const to = await inActivity(() => destination.openFileReceiver({ token, instanceId, names, client: source.name, ...key, attempt }));
  await rm(source.at('much'));
  expect(to.carrier).toBe(carrier);
  return to as FileReceiver & { readonly carrier: Carrier };
}

async function closed({ source, destination }: { source: End; destination: End }): Promise<unknown> {
  await inActivity(() => source.stopSending({ token, instanceId }));
  await inActivity(() => destination.closeReceivers({ token, instanceId }));
  const left = async ({ traces, processes }: End) => [...(await traces()), ...(await processes())];
  return { source: (await left(source)).filter((name) => !/^(nvram|tpm2)/.test(`${name}`)), destination: await left(destination) };
}

test.for(['rsync', 'https'] as const)('files come over whole and in their places, by %s', async (carrier) => {
  const { source, destination } = await ends();
  await makeFiles(source);
  const to = await opened({ source, destination }, carrier);
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
  const to = await opened({ source, destination }, 'rsync');
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

  await opened({ source: stranger, destination: stranger }, 'rsync');
  await inActivity(() => stranger.closeReceivers({ token, instanceId }));
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
  const to = await opened({ source, destination }, 'rsync');
  await inActivity(() => source.sendFiles({ token, instanceId, names, from: '', to }));
  await writeFile(at(source, 'files.key.new'), 'half of another');
  expect(await closed({ source, destination })).toEqual({ source: [], destination: [] });
});

test.for(['rsync', 'https'] as const)('what receives by %s is noted before anything is made for it', async (carrier) => {
  const { source, destination } = await ends();
  await makeFiles(source);
  const own = join(destination.runDir, 'transfers', instanceId, 'files');
  await mkdir(`${own}.receiver.new`, { recursive: true }); // the note cannot be written
  await expect(opened({ source, destination }, carrier)).rejects.toThrow('EISDIR');
  expect(await readdir(join(own, '..'))).toEqual(['files.receiver.new']);
  expect({ processes: await destination.processes(), listens: isListening(own) }).toEqual({ processes: [], listens: false });
  expect(await readdir(destination.at('.'))).not.toContain('incoming.partial');
  await rm(`${own}.receiver.new`, { recursive: true });
  await opened({ source, destination }, carrier);
  expect(await closed({ source, destination })).toEqual({ source: [], destination: [] });
});

test('a worker that starts removes what is left of notes in the making, and nothing of those that are made', async () => {
  const { source, destination } = await ends();
  await makeFiles(source);
  await opened({ source, destination }, 'https');
  const transfers = join(destination.runDir, 'transfers');
  await mkdir(join(transfers, 'killed-before'));
  await mkdir(join(transfers, 'killed-while'));
  for (const directory of ['killed-while', instanceId]) await writeFile(join(transfers, directory, 'disk.receiver.new'), '{"purp');
  await forgetHalfMade(destination.runDir);
  expect(await readdir(transfers, { recursive: true })).toEqual([instanceId, join(instanceId, 'files.receiver')]);
  expect(await closed({ source, destination })).toEqual({ source: [], destination: [] });
});

test('nothing is sent to who has another host key', async () => {
  const { source, destination } = await ends();
  await makeFiles(source);
  const to = await opened({ source, destination }, 'rsync');
  const other = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
  const send = () => inActivity(() => source.sendFiles({ token, instanceId, names, from: '', to: { ...to, hostKey: other } }));
  await expect(send()).rejects.toMatchObject({ type: 'TransferBroken', message: expect.stringContaining('Host key verification failed') });
  expect(await closed({ source, destination })).toEqual({ source: [], destination: [] });
});

test('by HTTPS files are taken from their source alone, at their own place, and a repetition replaces what came', async () => {
  const { source, destination, stranger } = await ends();
  await makeFiles(source);
  await makeFiles(stranger);
  const to = await opened({ source, destination }, 'https');
  expect(await opened({ source, destination }, 'https')).toEqual(to); // the same attempt joins
  const send = (end: End, receiver: FileReceiver) => inActivity(() => end.sendFiles({ token, instanceId, names, from: '', to: receiver }));
  await expect(send(stranger, to)).rejects.toMatchObject({
    type: 'TransferBroken',
    message: expect.stringMatching(/403|EPIPE|ECONNRESET/),
  });
  const elsewhere = send(source, { ...to, path: '/another' });
  await expect(elsewhere).rejects.toMatchObject({ type: 'TransferBroken', message: expect.stringMatching(/404|EPIPE|ECONNRESET/) });
  const into = `incoming.partial/${to.path}`;
  await expect(stat(destination.at(into))).rejects.toThrow('ENOENT');

  await send(source, to);
  await writeFile(destination.at(`${into}/stale`), '');
  const { sent } = await send(source, to);
  expect((await readdir(destination.at(into))).sort()).toEqual(['disk', 'nvram', 'tpm2']);
  await inActivity(() => destination.sealFiles({ token, instanceId, names, sent }));
  await expect(send(source, to)).rejects.toMatchObject({ type: 'TransferBroken', message: expect.stringContaining('ECONNREFUSED') });
  expect(await closed({ source, destination })).toEqual({ source: [], destination: ['nvram', 'tpm2'] });
});

test('what is put by HTTPS is taken though its end comes later than the last of its files', async () => {
  const { source, destination } = await ends();
  await makeFiles(source);
  const { address: host, port, path } = await opened({ source, destination }, 'https');
  const pem = (name: string) => readFile(join(source.runDir, '../etc/pki/qemu', `${name}.pem`));
  const [ca, cert, key] = await Promise.all(['ca-cert', 'client-cert', 'client-key'].map(pem));
  const put = httpsRequest({ host, port, path, method: 'PUT', agent: false, ...{ ca, cert, key } });
  put.write(execFileSync('tar', ['--create', '--file=-', 'nvram'], { cwd: source.at('.'), maxBuffer: 8 * MiB }));
  await vi.waitFor(async () => expect((await stat(destination.at(`incoming.partial/${path}/nvram`))).size).toBe(content.length));
  await vi.waitFor(async () => expect((await destination.processes()).length).toBe(0)); // tar has ended
  put.end();
  const [response] = await once(put, 'response');
  expect(response.statusCode).toBe(204);
  await inActivity(() => destination.closeReceivers({ token, instanceId }));
});

test('a later attempt by HTTPS begins anew where nothing of the earlier one writes, and a host without certificate takes nothing', async () => {
  const { source, destination } = await ends();
  await makeFiles(source);
  const first = await opened({ source, destination }, 'https');
  await inActivity(() => source.sendFiles({ token, instanceId, names, from: '', to: first }));
  const second = await opened({ source, destination }, 'https', { attempt: 2 });
  expect(second.path).not.toBe(first.path);
  expect(await readdir(destination.at('incoming.partial'))).toEqual([]);
  const late = () => inActivity(() => source.sendFiles({ token, instanceId, names, from: '', to: first }));
  await expect(late()).rejects.toMatchObject({ type: 'TransferBroken' });
  expect(await closed({ source, destination })).toEqual({ source: [], destination: [] });
  await rm(join(destination.runDir, '../etc/pki/qemu/server-cert.pem'));
  await expect(opened({ source, destination }, 'https')).rejects.toMatchObject({
    ...{ type: 'MigrationPreCheckError', message: expect.stringContaining('novaflow pki issue destination') },
  });
});

test('a later attempt by rsync goes on with what came, and what came of another operation is removed', async () => {
  const { source, destination } = await ends();
  await makeFiles(source);
  const first = await opened({ source, destination }, 'rsync');
  const [sshd] = await destination.processes();
  const half = await open(destination.at('incoming.partial/nvram'), 'w');
  await half.write(content, 0, MiB);
  await half.close();
  expect(await opened({ source, destination }, 'rsync')).toEqual(first); // the same attempt joins
  expect(await destination.processes()).toContain(sshd);
  const to = await opened({ source, destination }, 'rsync', { attempt: 2 });
  expect(to.hostKey).not.toBe(first.hostKey);
  expect((await stat(destination.at('incoming.partial/nvram'))).size).toBe(MiB);
  const { sent } = await inActivity(() => source.sendFiles({ token, instanceId, names, from: '', to }));
  const key = await inActivity(() => source.makeFileKey({ token, instanceId }));
  const later = { ...token, run: 'run-2', generation: token.generation + 1 };
  await inActivity(() => destination.openFileReceiver({ token: later, instanceId, names, client: source.name, ...key, attempt: 1 }));
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
  const to = await opened({ source, destination }, 'https');
  const { sent } = await inActivity(() => source.sendFiles({ token, instanceId, names, from: '', to }));
  const file = await open(destination.at(`incoming.partial/${to.path}/nvram`), 'r+');
  await file.write(Buffer.from('x'), 0, 1, MiB);
  await file.close();
  const seal = () => inActivity(() => destination.sealFiles({ token, instanceId, names, sent }));
  await expect(seal()).rejects.toMatchObject({ type: 'TransferBroken', message: expect.stringContaining('nvram does not hold') });
  expect(await closed({ source, destination })).toEqual({ source: [], destination: [] });
});

test('what is no plain name, and what is there already, is never received', async () => {
  const { source, destination } = await ends();
  const receive = (name: string) =>
    inActivity(() => destination.openFileReceiver({ token, instanceId, names: [name], client: source.name, publicKey: null, attempt: 1 }));
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
