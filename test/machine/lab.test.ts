import { existsSync } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  cutOff,
  down,
  findLab,
  isAnswering,
  isRunning,
  killLibvirtd,
  type Lab,
  type LabHost,
  listWorld,
  loseHost,
  powerLoss,
  processesOf,
  reconnect,
  restartLibvirtd,
  returnHost,
  runInHost,
  signalProcess,
  spawnInHost,
  startForwarder,
  startLibvirtd,
  up,
  whenEnded,
} from '../../lab/lab.ts';
import { run, succeeds } from '../../lab/run.ts';
import { addressIn } from '../../lab/subnets.ts';
import { until } from '../../lab/wait.ts';
import { bootGuest, consoleOf, journalOf, type LabGuest, qemusOf, startGuest, ticksMore, virsh } from '../lab/lab-guest.ts';

const name = 'test-lab';
let before: readonly string[];
let lab: Lab;
let cn1: LabHost;
let cn2: LabHost;

beforeAll(async () => {
  await down(name);
  before = await listWorld();
  lab = await up({ name, hosts: 2, instancesSizeMiB: 1200 });
  const [first, second] = lab.hosts;
  if (first === undefined || second === undefined) throw new Error('a lab of two hosts has two hosts');
  [cn1, cn2] = [first, second];
});

afterAll(() => down(name));

test('each host has a libvirtd of its own, with its own name and its own uuid', async () => {
  for (const host of lab.hosts) {
    expect(await virsh(host, 'hostname')).toBe(host.name);
    expect(await virsh(host, 'capabilities')).toContain(`<uuid>${host.uuid}</uuid>`);
  }
});

test('a host reaches the libvirtd of another by its name over TCP', async () => {
  expect(await runInHost(cn1, ['virsh', '-q', '-c', 'qemu+tcp://cn2/system', 'hostname'])).toBe('cn2');
});

test('a lab that is up is returned as it is, and found by its name', async () => {
  expect(await up({ name, hosts: 2, instancesSizeMiB: 1200 })).toEqual(lab);
  expect(await findLab(name)).toEqual(lab);
});

test('another lab under the name of one that is up is refused', async () => {
  await expect(up({ name, hosts: 3 })).rejects.toThrow('there is another lab test-lab, of 2 hosts');
});

test.for([
  { host: 'cn1', user: 'root' },
  { host: 'cn2', user: 'libvirt-qemu' },
])('a guest boots on $host, its QEMU run by $user, and answers a ping of the machine', async ({ host, user }) => {
  const guest = await bootGuestOn(host === 'cn1' ? cn1 : cn2, 'first', 50);

  await run('busybox', ['ping', '-c', '1', '-W', '5', guest.ip]);

  const [qemu] = await qemusOf(guest.host);
  expect(await run('stat', ['-c', '%U', `/proc/${qemu?.pid}`])).toBe(user);
  await virsh(guest.host, 'destroy', guest.name);
});

test('a guest goes on while its libvirtd is restarted, is killed, and is dead', async () => {
  const guest = await bootGuestOn(cn1, 'steady', 51);
  const qemus = await qemusOf(cn1);

  await restartLibvirtd(cn1);
  expect(await virsh(cn1, 'domstate', guest.name)).toBe('running');

  await killLibvirtd(cn1);
  expect(await isAnswering(cn1)).toBe(false);
  await ticksMore(guest, 2);

  await startLibvirtd(cn1);
  expect(await virsh(cn1, 'domstate', guest.name)).toBe('running');
  expect(await qemusOf(cn1)).toEqual(qemus);
  await virsh(cn1, 'destroy', guest.name);
});

test('a second libvirtd of a host is refused', async () => {
  await expect(startLibvirtd(cn1)).rejects.toThrow('libvirtd of cn1 runs already');
});

test('a guest powers off by its power button, and notes each boot on its disk', async () => {
  const guest = await bootGuestOn(cn1, 'button', 52);
  await virsh(cn1, 'shutdown', guest.name, '--mode', 'acpi');
  await until(async () => ((await virsh(cn1, 'list', '--all', '--name')) === '' ? true : null), {
    what: 'the end of the guest',
    timeoutMs: 30_000,
  });
  expect(await consoleOf(guest)).toContain('GUEST DOWN');
  expect(await journalOf(guest)).toEqual([expect.stringMatching(/^boot 1 /)]);

  await startGuest(guest);
  await virsh(cn1, 'destroy', guest.name);
  expect(await journalOf(guest)).toEqual([expect.stringMatching(/^boot 1 /), expect.stringMatching(/^boot 2 /)]);
});

test('a process in a host sees that host, outlives who started it, and ends by a signal', async () => {
  const logFile = join(lab.sharedDir, 'worker.log');
  const worker = await spawnInHost(cn1, ['sh', '-c', 'hostname; pwd; echo $ROLE; exec sleep infinity'], {
    env: { ROLE: 'compute' },
    cwd: '/tmp',
    logFile,
  });
  await until(async () => ((await readFile(logFile, 'utf8')) === 'cn1\n/tmp\ncompute\n' ? true : null), {
    what: 'its log',
    timeoutMs: 5000,
  });
  expect(await processesOf(cn1)).toContainEqual(worker);
  expect(await processesOf(cn2)).not.toContainEqual(worker);

  expect(signalProcess(worker, 'SIGTERM')).toBe(true);
  await whenEnded(worker);
  expect(signalProcess(worker, 'SIGTERM')).toBe(false);
});

test('a lost host takes its guests and workers with it and returns without them; the other host goes on', async () => {
  const lost = await bootGuestOn(cn1, 'lost', 53);
  const kept = await bootGuestOn(cn2, 'kept', 54);
  const worker = await spawnInHost(cn1, ['sleep', 'infinity']);

  await loseHost(cn1);
  expect(await processesOf(cn1)).toEqual([]);
  expect(isRunning(worker)).toBe(false);
  expect(await succeeds('busybox', ['ping', '-c', '1', '-W', '1', lost.ip])).toBe(false);
  await run('busybox', ['ping', '-c', '1', '-W', '5', kept.ip]);

  await returnHost(cn1);
  expect(await virsh(cn1, 'list', '--name')).toBe('');
  expect(await virsh(cn1, 'capabilities')).toContain(`<uuid>${cn1.uuid}</uuid>`);
  await virsh(cn2, 'destroy', kept.name);
});

test('a host that is up cannot return', async () => {
  await expect(returnHost(cn1)).rejects.toThrow('host cn1 is up: lose it first');
});

test('after a loss of power a host has what was synced and nothing else', async () => {
  await writeSynced(join(cn1.instancesDir, 'synced'), 'kept');
  await writeFile(join(cn1.instancesDir, 'cached'), 'lost');

  await powerLoss(cn1);
  await returnHost(cn1);

  expect(await runInHost(cn1, ['cat', '/var/lib/nova/instances/synced'])).toBe('kept');
  expect(existsSync(join(cn1.instancesDir, 'cached'))).toBe(false);
});

test('a forwarder lets hosts reach a server of the machine; a host that is cut off reaches only its neighbours', async () => {
  await using server = await greeter('hello');
  const { address } = await startForwarder(lab, { toPort: server.port });
  expect(address).toBe(`${lab.gateway}:${server.port}`);
  expect(await greetingSeenBy(cn1, server.port)).toBe('hello');

  await cutOff(cn1);
  expect(await greetingSeenBy(cn1, server.port)).toBe('');
  expect(await greetingSeenBy(cn2, server.port)).toBe('hello');
  expect(await runInHost(cn1, ['virsh', '-q', '-c', 'qemu+tcp://cn2/system', 'hostname'])).toBe('cn2');

  await reconnect(cn1);
  expect(await greetingSeenBy(cn1, server.port)).toBe('hello');
});

test('a lab that goes down with all that runs in it leaves the machine as it was', async () => {
  await bootGuestOn(cn1, 'last', 55);
  await spawnInHost(cn2, ['sh', '-c', 'sleep infinity & sleep infinity']);

  await down(name);

  expect(await listWorld()).toEqual(before);
  expect(await findLab(name)).toBeNull();
});

function bootGuestOn(host: LabHost, guest: string, n: number): Promise<LabGuest> {
  return bootGuest({ name: guest, host, ip: addressIn(lab.providerCidr, n), mac: `fa:16:3e:00:00:${n}` });
}

async function writeSynced(file: string, text: string): Promise<void> {
  await using handle = await open(file, 'w');
  await handle.writeFile(text);
  await handle.sync();
}

async function greeter(text: string): Promise<AsyncDisposable & { port: number }> {
  const server = createServer((socket) => socket.resume().end(text));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return { port: address.port, [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())) };
}

function greetingSeenBy(host: LabHost, port: number): Promise<string> {
  return runInHost(host, ['sh', '-c', `busybox nc -w 1 ${lab.gateway} ${port} </dev/null || true`]);
}
