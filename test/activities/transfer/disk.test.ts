import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { dirname } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { digestOf, hasDigest } from '../../../src/activities/transfer/digest.ts';
import { watchReach } from '../../../src/activities/transfer/out-of-reach.ts';
import type { Disk } from '../../../src/model/instance.ts';
import type { ServedDisk } from '../../../src/qemu/nbd.ts';
import { activityContext, inActivity, lockHolder } from '../surroundings.ts';
import { disk, type End, ends, instanceId, qemu, token } from './two-hosts.ts';

vi.setConfig({ testTimeout: 20_000 }); // up to 30 commands, one after another, beside other test files

const MiB = 1024 ** 2;
const content = Buffer.from(Uint8Array.from({ length: 3 * MiB }, (_, index) => (index % 251) + 1));

/** A raw disk of 64 MiB with 3 MiB in it. */
async function makeRaw(path: string): Promise<void> {
  const file = await open(path, 'w');
  await file.truncate(64 * MiB);
  await file.write(content, 0, content.length, 20 * MiB);
  await file.close();
}

/** The steps of one attempt, each as the worker does it. */
async function transferred({ source, destination }: { source: End; destination: End }, one: Disk, as: Disk, attempt = 1): Promise<void> {
  const transfer = { token, instanceId, disk: one, as };
  const to = await inActivity(() => destination.openDiskReceiver({ ...transfer, client: source.name, attempt }));
  const { digest } = await inActivity(() => source.sendDisk({ ...transfer, from: '', to }));
  await inActivity(() => destination.sealDisk({ ...transfer, digest }));
}

test('a raw disk comes over whole, its holes stay holes, and nothing is left at either end', async () => {
  const { source, destination } = await ends();
  await makeRaw(source.at('disk'));
  await transferred({ source, destination }, disk(), disk());
  expect((await readFile(destination.at('disk'))).equals(await readFile(source.at('disk')))).toBe(true);
  expect((await stat(destination.at('disk'))).blocks * 512).toBeLessThanOrEqual(4 * MiB);
  for (const end of [source, destination])
    expect({ traces: await end.traces(), processes: await end.processes() }).toEqual({ traces: [], processes: [] });
});

test('an overlay is flattened on its way, into a qcow2 of its own or a raw disk', async () => {
  const { source, destination } = await ends();
  await makeRaw(source.at('base'));
  qemu('qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', source.at('base'), source.at('disk'));
  qemu('qemu-io', '-f', 'qcow2', '-c', 'write -P 7 30M 1M', source.at('disk'));
  const overlay = disk({ kind: 'qcow2', format: 'qcow2' });
  for (const as of [disk({ kind: 'qcow2', format: 'qcow2' }), disk({ name: 'disk.raw' })]) {
    await transferred({ source, destination }, overlay, { ...as, name: as.format === 'raw' ? 'disk.raw' : 'disk' });
    const name = as.format === 'raw' ? 'disk.raw' : 'disk';
    expect(qemu('qemu-img', 'compare', '-f', 'qcow2', '-F', as.format, source.at('disk'), destination.at(name))).toContain('identical');
    expect(qemu('qemu-img', 'info', '-f', as.format, destination.at(name))).not.toContain('backing file');
  }
});

test('nobody but the host that it is for writes into a disk that is served, and nobody in the clear', async () => {
  const { source, destination, stranger } = await ends();
  await makeRaw(source.at('disk'));
  await makeRaw(stranger.at('disk'));
  const transfer = { token, instanceId, disk: disk(), as: disk() };
  const to = await inActivity(() => destination.openDiskReceiver({ ...transfer, client: source.name, attempt: 1 }));
  await expect(inActivity(() => stranger.sendDisk({ ...transfer, from: '', to }))).rejects.toMatchObject({ type: 'TransferBroken' });
  const plain = `nbd://127.0.0.1:${to.port}/${to.exportName}`;
  expect(() => qemu('qemu-img', 'convert', '-n', '-f', 'raw', '-O', 'raw', stranger.at('disk'), plain)).toThrow('TLS negotiation required');
  expect((await stat(destination.at('disk.partial'))).blocks).toBe(0);
  await inActivity(() => source.sendDisk({ ...transfer, from: '', to })); // those who came in vain keep nobody out
  await inActivity(() => destination.closeReceivers({ token, instanceId }));
  expect({ traces: await destination.traces(), processes: await destination.processes() }).toEqual({ traces: [], processes: [] });
});

test('who serves with another certificate than that of its address is sent nothing', async () => {
  const { source, destination } = await ends();
  await makeRaw(source.at('disk'));
  const transfer = { token, instanceId, disk: disk(), as: disk() };
  const to = await inActivity(() => destination.openDiskReceiver({ ...transfer, client: source.name, attempt: 1 }));
  const elsewhere = { ...to, address: '127.0.0.2' };
  const forwarder = createServer((socket) => {
    const onward = connect(to.port, '127.0.0.1');
    socket
      .on('error', () => {})
      .pipe(onward.on('error', () => {}))
      .pipe(socket);
  });
  onTestFinished(() => void forwarder.close());
  forwarder.listen(to.port, '127.0.0.2');
  await once(forwarder, 'listening');
  await expect(inActivity(() => source.sendDisk({ ...transfer, from: '', to: elsewhere }))).rejects.toMatchObject({
    type: 'TransferBroken',
    message: expect.stringContaining('127.0.0.2'),
  });
  await inActivity(() => destination.closeReceivers({ token, instanceId }));
});

test('a step that is repeated joins the server that runs; a later attempt begins anew with one of its own', async () => {
  const { source, destination } = await ends();
  await makeRaw(source.at('disk'));
  const transfer = { token, instanceId, disk: disk(), as: disk(), client: source.name };
  const open = (attempt: number) => inActivity(() => destination.openDiskReceiver({ ...transfer, attempt }));
  const first = await open(1);
  const [server] = await destination.processes();
  await inActivity(() => source.sendDisk({ ...transfer, from: '', to: first }));
  expect(await open(1)).toEqual(first);
  expect(await destination.processes()).toEqual([server]);
  const second = await open(2);
  expect(second.exportName).not.toBe(first.exportName);
  expect(await destination.processes()).not.toContain(server);
  expect((await stat(destination.at('disk.partial'))).blocks).toBe(0);
  await inActivity(() => destination.closeReceivers({ token, instanceId }));
  expect(await destination.processes()).toEqual([]);
});

test('a stranger that has the pid of a server that died is left alone', async () => {
  const { source, destination } = await ends();
  const transfer = { token, instanceId, disk: disk(), as: disk(), client: source.name };
  await inActivity(() => destination.openDiskReceiver({ ...transfer, attempt: 1 }));
  const [server = 0] = await destination.processes();
  process.kill(server, 'SIGKILL');
  const stranger = spawn('sleep', ['100']);
  onTestFinished(() => void stranger.kill('SIGKILL'));
  await writeFile(`${destination.runDir}/transfers/${instanceId}/disk.pid`, `${stranger.pid}\n`);
  const joined = await inActivity(() => destination.openDiskReceiver({ ...transfer, attempt: 1 }));
  await makeRaw(source.at('disk'));
  await inActivity(() => source.sendDisk({ ...transfer, from: '', to: joined }));
  await inActivity(() => destination.closeReceivers({ token, instanceId }));
  expect({ exitCode: stranger.exitCode, signal: stranger.signalCode }).toEqual({ exitCode: null, signal: null });
});

test('a disk that changed on its way is not given its name', async () => {
  const { source, destination } = await ends();
  await makeRaw(source.at('disk'));
  const transfer = { token, instanceId, disk: disk(), as: disk() };
  const to = await inActivity(() => destination.openDiskReceiver({ ...transfer, client: source.name, attempt: 1 }));
  const { digest } = await inActivity(() => source.sendDisk({ ...transfer, from: '', to }));
  const file = await open(destination.at('disk.partial'), 'r+');
  await file.write(Buffer.from('x'), 0, 1, 40 * MiB);
  await file.close();
  const seal = () => inActivity(() => destination.sealDisk({ ...transfer, digest }));
  await expect(seal()).rejects.toMatchObject({ type: 'TransferBroken', message: expect.stringContaining('does not hold') });
  await expect(stat(destination.at('disk'))).rejects.toThrow('ENOENT');
  await inActivity(() => destination.closeReceivers({ token, instanceId }));
  expect(await destination.traces()).toEqual([]);
});

test('a disk that is sealed stays so when the step is repeated', async () => {
  const { source, destination } = await ends();
  await makeRaw(source.at('disk'));
  await transferred({ source, destination }, disk(), disk());
  await inActivity(() => destination.sealDisk({ token, instanceId, disk: disk(), as: disk(), digest: 'sha256:whatever' }));
  await expect(transferred({ source, destination }, disk(), disk())).rejects.toMatchObject({ type: 'DestinationDiskExists' });
  expect((await stat(destination.at('disk'))).size).toBe(64 * MiB);
});

test('a cancel ends the copy, and what its worker left when it was killed is ended by the next attempt', async () => {
  const { source } = await ends();
  qemu('qemu-img', 'create', '-q', '-f', 'raw', source.at('disk'), '64M');
  const silent = createServer(() => {}); // takes the connection and says nothing, as a server does whose one place is taken
  onTestFinished(() => void silent.close());
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as { port: number };
  const transfer = { token, instanceId, disk: disk(), as: disk(), from: '' as const };
  const activity = activityContext();
  const sending = activity.run(() => source.sendDisk({ ...transfer, to: { address: '127.0.0.1', port, exportName: 'none' } }));
  await once(silent, 'connection');
  activity.cancel();
  await expect(sending).rejects.toThrow('CANCELLED');
  expect({ traces: await source.traces(), processes: await source.processes() }).toEqual({ traces: [], processes: [] });

  const lock = `${source.runDir}/transfers/${instanceId}/disk.sending`;
  await inActivity(() => source.stopSending({ token, instanceId }));
  await mkdir(dirname(lock), { recursive: true });
  const orphan = await lockHolder(lock);
  await inActivity(() => source.stopSending({ token, instanceId }));
  expect(orphan.signalCode ?? (await once(orphan, 'exit'))[1]).toBe('SIGKILL');
  expect(await source.traces()).toEqual([]);
});

test('a host without a certificate says how it gets one', async () => {
  const { source, destination } = await ends();
  await rm(destination.at('../../etc/pki'), { recursive: true });
  const open = () => destination.openDiskReceiver({ token, instanceId, disk: disk(), as: disk(), client: source.name, attempt: 1 });
  await expect(inActivity(open)).rejects.toMatchObject({
    type: 'MigrationPreCheckError',
    message: expect.stringContaining('novaflow pki issue destination'),
  });
});

test.for(['gmac', 'sha256'] as const)(
  'the digest of a disk by %s tells every byte and its place, and not which zeros are holes',
  async (kind) => {
    const { source } = await ends();
    await makeRaw(source.at('disk'));
    qemu('cp', '--sparse=never', source.at('disk'), source.at('disk.full'));
    const due = await inActivity(() => digestOf(source.at('disk'), 64 * MiB, kind));
    const has = (name: string, size = 64 * MiB) => inActivity(() => hasDigest(source.at(name), size, due));
    expect([await has('disk'), await has('disk.full')]).toEqual([true, true]);
    for (const to of [20 * MiB + 1, 63 * MiB + 12_345]) {
      const file = await open(source.at('disk.full'), 'r+');
      const { buffer } = await file.read(Buffer.alloc(1), 0, 1, to);
      await file.write(Buffer.from([(buffer[0] ?? 0) + 1]), 0, 1, to);
      expect(await has('disk.full')).toBe(false);
      await file.write(buffer, 0, 1, to);
      await file.close();
      expect(await has('disk.full')).toBe(true);
    }
    const moved = await open(source.at('disk'), 'r+');
    await moved.truncate(20 * MiB);
    await moved.truncate(64 * MiB);
    await moved.write(content, 0, content.length, 21 * MiB);
    await moved.close();
    expect(await has('disk')).toBe(false);
    expect(await has('disk.full', 63 * MiB)).toBe(false);
  },
);

test('a host that knows sha256 alone, and one that compares by gmac, are sent what they know', async () => {
  const { source, destination } = await ends();
  await makeRaw(source.at('disk'));
  const transfer = { token, instanceId, disk: disk(), as: disk() };
  const { comparesBy, ...to } = await inActivity(() => destination.openDiskReceiver({ ...transfer, client: source.name, attempt: 1 }));
  const send = (receiver: ServedDisk) => inActivity(() => source.sendDisk({ ...transfer, from: '', to: receiver }));
  expect(comparesBy).toBe('gmac');
  expect((await send({ ...to, comparesBy: 'gmac' })).digest).toMatch(/^gmac:/);
  const { digest } = await send(to);
  expect(digest).toMatch(/^sha256:/);
  await inActivity(() => destination.sealDisk({ ...transfer, digest }));
  expect((await readFile(destination.at('disk'))).equals(await readFile(source.at('disk')))).toBe(true);
});

test.for([512, 4096 + 512])('a disk of 2 MiB and %i bytes comes over whole', async (tailBytes) => {
  const { source, destination } = await ends();
  const sizeBytes = 2 * MiB + tailBytes;
  await writeFile(source.at('disk'), content.subarray(0, sizeBytes));
  await transferred({ source, destination }, disk({ sizeBytes }), disk({ sizeBytes }));
  expect((await readFile(destination.at('disk'))).equals(content.subarray(0, sizeBytes))).toBe(true);
});

test('a copy to a host that is out of reach is broken off after the time that is allowed', async () => {
  const [until, over] = [new AbortController(), new AbortController()];
  let looks = 0;
  const isMoving = () => ++looks <= 3; // as long as it moves nothing is asked
  await watchReach({ address: 'ff02::1', port: 9 }, { silenceSeconds: 1, isMoving, until, over: over.signal });
  expect(until.signal.reason).toMatchObject({ type: 'TransferBroken', message: 'ff02::1 could not be reached for 1 s' });
  expect(looks).toBe(9);
});

test('a server that is there though it does not move keeps a copy waiting, until the copy is over', async () => {
  const server = createServer(() => {});
  onTestFinished(() => void server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const [until, over] = [new AbortController(), new AbortController()];
  const watching = watchReach({ address: '127.0.0.1', port }, { silenceSeconds: 0.06, isMoving: () => false, until, over: over.signal });
  for (let seen = 0; seen < 10; seen += 1) await once(server, 'connection');
  over.abort();
  await watching;
  expect(until.signal.aborted).toBe(false);
});
