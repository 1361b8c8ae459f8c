import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { logOf } from '../../lab/cloud.ts';
import { type LabHost, runInHost } from '../../lab/lab.ts';
import type { Instance } from '../../src/model/instance.ts';
import type { OwnCloud } from './cloud-fixture.ts';

/** All that is kept anywhere of an instance and of what was done to it: the server's files, logs, the instance's directory, its domain, its record. */
export async function keptOf(own: OwnCloud, host: LabHost, { id }: Instance): Promise<ReadonlyMap<string, Buffer>> {
  const kept = new Map([...(await filesIn(own.temporalDirectory)), ...(await filesIn(join(host.instancesDir, id)))]);
  for (const log of ['control', host.name].map((name) => logOf(own.cloud.lab, name))) kept.set(log, await readFile(log));
  kept.set("libvirt's log", Buffer.from(await runInHost(host, ['sh', '-c', 'cat /var/log/libvirt/*.log /var/log/libvirt/*/*.log'])));
  kept.set('domain', Buffer.from(await runInHost(host, ['virsh', 'dumpxml', '--security-info', id])));
  kept.set('record', Buffer.from(JSON.stringify(await own.client.workflow.getHandle(`instance/${id}`).query('record'))));
  return kept;
}

async function filesIn(directory: string): Promise<Map<string, Buffer>> {
  const names = (await readdir(directory, { withFileTypes: true })).filter((entry) => entry.isFile()).map(({ name }) => name);
  return new Map(await Promise.all(names.map(async (name) => [join(directory, name), await readFile(join(directory, name))] as const)));
}
