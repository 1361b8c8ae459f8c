import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { importGuest } from '../../lab/cloud.ts';
import { buildGuest, runInHost, spawnInHost } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import type { Host } from '../../src/model/host.ts';
import type { Instance } from '../../src/model/instance.ts';
import { findings } from '../faults/matrix.ts';
import { endOf } from '../workflows/ends.ts';
import { asking } from './asking.ts';
import { type OwnCloud, ownCloud } from './cloud-fixture.ts';

let own: OwnCloud;
const { run, start, record, hostNamed, whenSaid } = asking(() => own);

beforeAll(async () => {
  own = await ownCloud('instances', { NOVAFLOW_VIF_PLUG_TIMEOUT_SECONDS: '2' });
  await importGuest(own.cloud, await buildGuest({}));
}, 120_000);
afterAll(() => own?.[Symbol.asyncDispose]());

const request = (name: string) => ({ name, flavor: 'lab.tiny', image: 'tiny' });

test.each(['cn1', 'cn2'])('a guest built on %s comes up, is reached at its address, and is gone after its delete', async (name) => {
  const instance = await onlyOn(name, () => run<Instance>('buildInstance', request(`guest-on-${name}`)));
  expect(instance).toMatchObject({
    vmState: 'active',
    powerState: 'running',
    host: name,
    machineType: expect.stringMatching(/^pc-q35-\d/),
  });
  const [port] = instance.ports;
  const console = await whenSaid(instance.id, 'GUEST UP');
  expect(console).toContain(`GUEST UP guest-on-${name} ${port?.ip}`);
  await execute('busybox', ['ping', '-c', '1', '-W', '2', port?.ip ?? '']);

  await run('deleteInstance', { instanceId: instance.id });
  const host = hostNamed(name);
  expect((await readdir(join(host.instancesDir, instance.id))).sort()).toEqual(['generation', 'lock']);
  expect(await runInHost(host, ['virsh', 'list', '--all', '--uuid'])).not.toContain(instance.id);
  expect(await findings(own)).toEqual([]);
});

test('ten builds at once fetch their image once for each host and all become active', async () => {
  const builds = await Promise.all(Array.from({ length: 10 }, (_, index) => start('buildInstance', request(`one-of-ten-${index}`))));
  const instances = (await Promise.all(builds.map((build) => build.result()))) as Instance[];
  expect(new Set(instances.map(({ vmState }) => vmState))).toEqual(new Set(['active']));
  expect(new Set(instances.flatMap(({ ports }) => ports.map(({ ip }) => ip))).size).toBe(10);
  expect(await findings(own)).toEqual([]);
  await Promise.all(instances.map(({ id }) => run('deleteInstance', { instanceId: id })));
  expect(await findings(own)).toEqual([]);
});

test('a build whose bridge is down fails with what is not plugged, and leaves nothing', async () => {
  const host = hostNamed('cn1');
  await runInHost(host, ['ip', 'link', 'set', host.bridge, 'down']);
  try {
    const build = await onlyOn('cn1', async () => {
      const started = await start('buildInstance', request('unplugged'));
      return { started, end: await endOf(started) };
    });
    expect(build.end).toMatchObject({
      type: 'VirtualInterfacePlugTimeout',
      message: expect.stringContaining(`bridge ${host.bridge} is down`),
    });
    expect(await record<Instance>(`instance/${build.started.firstExecutionRunId}`)).toMatchObject({ vmState: 'error', host: null });
  } finally {
    await runInHost(host, ['ip', 'link', 'set', host.bridge, 'up']);
  }
  expect(await findings(own)).toEqual([]);
});

test('the domain of an instance keeps all that was asked for, and ports for more', async () => {
  const instance = await run<Instance>('buildInstance', request('described'));
  const host = hostNamed(instance.host ?? '');
  const xml = await runInHost(host, ['virsh', 'dumpxml', '--inactive', instance.id]);
  expect(xml).toContain('<title>described</title>');
  expect(xml).toContain("type='qcow2'");
  expect(xml).toContain("<filterref filter='novaflow-anti-spoofing'>");
  expect(xml.match(/model='pcie-root-port'/g)?.length).toBeGreaterThan(8);
  expect(await runInHost(host, ['virsh', 'dominfo', instance.id])).toMatch(/Autostart:\s+disable/);
  await run('deleteInstance', { instanceId: instance.id });
});

test('a guest is not heard under another address, another MAC, in ARP for another or in IPv6, until its filter is taken away', async () => {
  const stolen = `${own.cloud.lab.providerCidr.slice(0, own.cloud.lab.providerCidr.lastIndexOf('.'))}.250`;
  const foreignMac = '02:00:00:00:00:66';
  const guest = await buildGuest({});
  await importGuest(own.cloud, { ...guest, cmdline: `${guest.cmdline} spoof=${stolen}` }, 'liar');
  const host = hostNamed('cn1');
  const heardFile = join(own.cloud.lab.sharedDir, 'heard');
  await spawnInHost(host, ['/usr/bin/python3', join(import.meta.dirname, 'heard.py'), 'eth1'], { logFile: heardFile });

  const { id, ports } = await onlyOn(host.name, () => run<Instance>('buildInstance', { ...request('liar'), image: 'liar' }));
  const [port] = ports;
  if (port === undefined) throw new Error('the guest has no port');
  /** What went out of the host in the guest's name, or in that of the MAC that it puts on. */
  const heard = async () => {
    const lines = new Set((await readFile(heardFile, 'utf8')).split('\n'));
    return [...lines].filter((line) => line.startsWith(port.mac) || line.startsWith(foreignMac));
  };
  await whenSaid(id, 'LIED 2');
  expect((await heard()).sort()).toEqual([`${port.mac} arp ${port.ip}`, `${port.mac} ip ${port.ip}`]);

  // The listener hears lies: without the filter, of the same guest, each of them.
  await runInHost(host, ['virsh', 'nwfilter-binding-delete', port.tap]);
  const lies = [`${port.mac} ip ${stolen}`, `${port.mac} arp ${stolen}`, `${port.mac} ipv6 -`, `${foreignMac} arp ${port.ip}`];
  const whenAllAreHeard = async () => {
    const all = await heard();
    return lies.every((lie) => all.includes(lie)) ? true : null;
  };
  await until(whenAllAreHeard, { what: `each of ${lies.join(', ')}`, timeoutMs: 60_000, intervalMs: 200 });
  await run('deleteInstance', { instanceId: id });
});

/** Does `work` while no other host takes instances. */
async function onlyOn<T>(name: string, work: () => Promise<T>): Promise<T> {
  const others = own.cloud.lab.hosts.filter((host) => host.name !== name);
  for (const { name: host } of others) await run<Host>('disableHost', { host, reason: 'the test wants another' });
  try {
    return await work();
  } finally {
    for (const { name: host } of others) await run<Host>('enableHost', { host });
  }
}

const execute = promisify(execFile);
