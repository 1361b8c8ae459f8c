import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { importGuest } from '../../lab/cloud.ts';
import { buildGuest, runInHost, spawnInHost } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import type { Instance, Port } from '../../src/model/instance.ts';
import { controlQueue } from '../../src/model/queues.ts';
import { type OwnCloud, ownCloud } from './cloud-fixture.ts';

let own: OwnCloud;
let heardFile: string;

beforeAll(async () => {
  own = await ownCloud('spoofing');
  const guest = await buildGuest({});
  await importGuest(own.cloud, { ...guest, cmdline: `${guest.cmdline} spoof=${stolen()}` });
  heardFile = join(own.cloud.lab.sharedDir, 'heard');
}, 120_000);
afterAll(() => own?.[Symbol.asyncDispose]());

const request = { name: 'liar', flavor: 'lab.tiny', image: 'tiny' };
const foreignMac = '02:00:00:00:00:66';

/** An address of the network that nobody has. */
function stolen(): string {
  const { providerCidr } = own.cloud.lab;
  return `${providerCidr.slice(0, providerCidr.lastIndexOf('.'))}.250`;
}

test('a guest is not heard under another address, another MAC, in ARP for another or in IPv6, until its filter is taken away', async () => {
  const [host, other] = own.cloud.lab.hosts;
  if (host === undefined || other === undefined) throw new Error('the lab has no two hosts');
  await execute('disableHost', { host: other.name });
  const listener = await spawnInHost(host, ['/usr/bin/python3', join(import.meta.dirname, 'heard.py'), 'eth1'], { logFile: heardFile });
  expect(listener.host).toBe(host.name);

  const { id, ports } = await execute<Instance>('buildInstance', request);
  const [port] = ports;
  if (port === undefined) throw new Error('the guest has no port');
  await whenLied(id, 2);
  const honest = await heardOf(port);
  expect(honest).toContain(`${port.mac} ip ${port.ip}`);
  expect(honest).toContain(`${port.mac} arp ${port.ip}`);
  expect(honest.filter((line) => !line.endsWith(` ${port.ip}`))).toEqual([]);

  // The listener hears lies: without the filter, of the same guest, each of them.
  await runInHost(host, ['virsh', 'nwfilter-binding-delete', port.tap]);
  const lies = [`${port.mac} ip ${stolen()}`, `${port.mac} arp ${stolen()}`, `${port.mac} ipv6 -`, `${foreignMac} arp ${port.ip}`];
  await until(
    async () => {
      const all = await heardOf(port);
      return lies.every((lie) => all.includes(lie)) ? true : null;
    },
    { what: `each of ${lies.join(', ')}`, timeoutMs: 60_000, intervalMs: 200 },
  );
});

/** What went out of the host in the guest's name, or in that of the MAC that it puts on. */
async function heardOf({ mac }: Port): Promise<readonly string[]> {
  const lines = (await readFile(heardFile, 'utf8')).split('\n');
  return [...new Set(lines)].filter((line) => line.startsWith(mac) || line.startsWith(foreignMac));
}

/** The guest has told each of its lies so many times. */
function whenLied(instanceId: string, times: number): Promise<true> {
  return until(
    async () => {
      const { output } = await execute<{ output: string }>('getConsoleOutput', { instanceId });
      return output.includes(`LIED ${times}`) ? true : null;
    },
    { what: `LIED ${times}`, timeoutMs: 90_000, intervalMs: 200 },
  );
}

function execute<Result>(type: string, input: object): Promise<Result> {
  return own.client.workflow.execute(type, { taskQueue: controlQueue, workflowId: `${type}-${crypto.randomUUID()}`, args: [input] });
}
