import { randomUUID } from 'node:crypto';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { buildGuest, down, type LabHost, type LabRequest, runInHost, up, virtualization } from '../../../lab/lab.ts';
import { hostDirOf } from '../../../lab/names.ts';
import { holdingIn } from '../../../src/activities/holding.ts';
import { migrationDestinationActivities, migrationTarget } from '../../../src/activities/live-migration/destination.ts';
import { migrateActivities } from '../../../src/activities/live-migration/migrate.ts';
import { migrationSourceActivities } from '../../../src/activities/live-migration/source.ts';
import type { RunBeside } from '../../../src/activities/live-migration/unblock.ts';
import { loadConfig } from '../../../src/config.ts';
import { connectLibvirt, DomainCreate, type Libvirt } from '../../../src/libvirt/index.ts';
import { domainNameOf } from '../../../src/model/domain.ts';
import { domainXml } from '../../../src/model/domain-xml.ts';
import type { MigrationSettings } from '../../../src/model/live-migration/policy.ts';
import { domain } from '../../model/domains.ts';
import { settingsOfMigration } from '../../model/live-migration/policies.ts';
import { inside, MiB, type Mover, moverOf, type Side } from './mover.ts';

export interface MigrationWorld extends AsyncDisposable {
  readonly one: Side;
  readonly other: Side;
  /** A directory that has the same path on the machine and in both hosts. */
  readonly sharedDir: string;
  readonly start: (
    options?: Partial<{
      from: Side;
      to: Side;
      commandLine: string;
      memoryMiB: number;
      isPaused: boolean;
      format: 'qcow2' | 'raw';
      spoiltMiB: number;
    }>,
  ) => Promise<Mover>;
  /** As a worker that was started anew has it, or one that is configured otherwise. */
  readonly again: (side: Side, settings?: Partial<MigrationSettings>) => Side;
  /** The same guest for its way back, or between sides that are configured otherwise. */
  readonly between: (mover: Mover, from: Side, to: Side) => Mover;
}

export async function migrationWorld(name: string, lab: Omit<LabRequest, 'name'> = {}): Promise<MigrationWorld> {
  await down(name); // one whose test was killed would be taken for this one
  const { hosts, sharedDir } = await up({ ...lab, name, hosts: 2 });
  const clients: Libvirt[] = [];
  const sideOf = (host: LabHost, settings: Partial<MigrationSettings> = {}): Side => {
    const libvirt = connectLibvirt({ socket: host.libvirtSocket });
    clients.push(libvirt);
    const whileHolding = holdingIn(host.instancesDir);
    const config = {
      host: { ...loadConfig({ env: {}, hostname: host.name }).host, address: host.address },
      runDir: join(host.runDir, 'novaflow'),
      pkiDir: join(hostDirOf(name, host.name), 'pki/etc/pki'),
      instancesDir: inside,
      liveMigration: settingsOfMigration(settings),
    };
    const runBeside: RunBeside = async (file, args) => ({ stdout: await runInHost(host, [file, ...args]) });
    const acts = {
      ...migrateActivities(libvirt, whileHolding, config, runBeside),
      ...migrationSourceActivities(libvirt, whileHolding, config, runBeside),
      ...migrationDestinationActivities(libvirt, config),
    };
    return { host, runDir: config.runDir, libvirt, acts, target: migrationTarget(config) };
  };
  const [one, other] = hosts.map((host) => sideOf(host));
  if (one === undefined || other === undefined) throw new Error('a migration needs two hosts');
  const guest = await buildGuest();
  for (const host of hosts) {
    await mkdir(join(host.instancesDir, '_base'), { recursive: true });
    await copyFile(guest.rootImage, join(host.instancesDir, '_base', 'guest'));
  }
  const { type } = await virtualization();

  async function furnish(side: Side, id: string, format: 'qcow2' | 'raw'): Promise<void> {
    const directory = join(side.host.instancesDir, id);
    await mkdir(directory, { recursive: true });
    await copyFile(guest.kernel, join(directory, 'kernel'));
    await copyFile(guest.initrd, join(directory, 'ramdisk'));
    const disk = join(inside, id, 'disk');
    const size = `${96 * MiB}`;
    const args =
      format === 'raw' ? ['-f', 'raw', disk, size] : ['-f', 'qcow2', '-F', 'raw', '-b', join(inside, '_base', 'guest'), disk, size];
    await runInHost(side.host, ['qemu-img', 'create', '-q', ...args]);
  }

  return {
    one,
    other,
    sharedDir,
    again: ({ host }, settings) => sideOf(host, settings),
    between: ({ id, furnish: furnished }, from, to) => moverOf(id, from, to, furnished),
    start: async ({ from = one, to = other, commandLine = '', memoryMiB = 96, isPaused = false, format = 'qcow2', spoiltMiB = 0 } = {}) => {
      const id = randomUUID();
      await furnish(from, id, format);
      if (format === 'raw')
        await runInHost(from.host, [
          'dd',
          `if=${join(inside, '_base', 'guest')}`,
          `of=${join(inside, id, 'disk')}`,
          'conv=notrunc',
          'status=none',
        ]);
      if (spoiltMiB > 0)
        await runInHost(from.host, [
          'qemu-io',
          '-f',
          format,
          '-c',
          `write -P 5 ${88 - spoiltMiB}M ${spoiltMiB}M`,
          join(inside, id, 'disk'),
        ]);
      const plain = domain();
      const [root] = plain.disks;
      if (root === undefined) throw new Error('the example has no disk');
      const path = (file: string) => join(inside, id, file);
      const xml = domainXml({
        ...plain,
        uuid: id,
        name: domainNameOf(id),
        metadata: { ...plain.metadata, instanceId: id },
        type,
        cpu: type === 'kvm' ? { mode: 'host-model' } : plain.cpu,
        machineType: 'pc-q35-7.2',
        emulator: null,
        memoryMiB,
        boot: { from: 'kernel', kernelPath: path('kernel'), initrdPath: path('ramdisk'), commandLine: `${guest.cmdline} ${commandLine}` },
        disks: [
          {
            ...root,
            path: path('disk'),
            format,
            backing: format === 'raw' ? null : { path: join(inside, '_base', 'guest'), format: 'raw' },
          },
        ],
        interfaces: [],
        consoleLogPath: path('console.log'),
        vnc: { listenAddress: '127.0.0.1' },
      });
      const dom = await from.libvirt.domainDefineXmlFlags({ xml });
      await from.libvirt.domainCreateWithFlags({ dom, flags: isPaused ? DomainCreate.paused : 0 });
      const mover = moverOf(id, from, to, (side) => furnish(side, id, format));
      // Of some thirty that were moved in the second of their first tick one did not tick on at its destination, which is not explained.
      if (!isPaused) await mover.whenTicks(from, 3);
      return mover;
    },
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) await client.close();
      await down(name);
    },
  };
}
