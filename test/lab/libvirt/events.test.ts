import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  BlockCopy,
  BlockJobStatus,
  BlockJobType,
  DomainAffect,
  DomainMigrate,
  type EventName,
  Lifecycle,
  MetadataType,
  StartedDetail,
  valuesOf,
} from '../../../src/libvirt/index.ts';
import { diskXml, failingDiskXml, randomImage } from './guest.ts';
import { discard, eventOf, isAbout, startWorld, type World } from './world.ts';

let world: World;

beforeAll(async () => {
  world = await startWorld();
});

afterAll(() => world[Symbol.asyncDispose]());

const cdrom = (source: string) =>
  `<disk type='file' device='cdrom'><driver name='qemu' type='raw'/>${source}<target dev='sdb' bus='scsi'/><readonly/></disk>`;

/** What to do to see an event of each kind, and what it then says; a kind that has none does not compile. */
const provocations: Record<EventName, (world: World) => Promise<void>> = {
  lifecycle: async ({ libvirt, define }) => {
    const guest = await define();
    const event = await eventOf(
      libvirt,
      'lifecycle',
      (seen) => isAbout(guest)(seen) && seen.event === Lifecycle.started,
      () => libvirt.domainCreateWithFlags({ dom: guest.dom }),
    );
    expect(event).toMatchObject({ dom: { name: guest.name, uuid: guest.uuid }, detail: StartedDetail.booted });
    await discard(libvirt, guest);
  },
  reboot: async ({ libvirt, start }) => {
    const guest = await start();
    await eventOf(libvirt, 'reboot', isAbout(guest), () => libvirt.domainReset({ dom: guest.dom }));
    await discard(libvirt, guest);
  },
  ioError: async ({ libvirt, daemon, define }) => {
    const guest = await define({ devices: await failingDiskXml(daemon.directory) });
    const event = await eventOf(libvirt, 'ioError', isAbout(guest), () => libvirt.domainCreateWithFlags({ dom: guest.dom }));
    expect(event).toMatchObject({ source: expect.stringContaining('failing-'), alias: 'virtio-disk1', action: 1 });
    await discard(libvirt, guest);
  },
  diskChange: async ({ libvirt, define }) => {
    const guest = await define({ devices: cdrom("<source file='/no/such.iso' startupPolicy='optional'/>") });
    const event = await eventOf(libvirt, 'diskChange', isAbout(guest), () => libvirt.domainCreateWithFlags({ dom: guest.dom }));
    expect(event).toMatchObject({ oldSource: '/no/such.iso', newSource: null, reason: 0 });
    await discard(libvirt, guest);
  },
  trayChange: async ({ libvirt, daemon, start }) => {
    const disc = await randomImage(join(daemon.directory, 'disc'), 1);
    const guest = await start({ devices: cdrom(`<source file='${disc}'/>`) });
    const event = await eventOf(libvirt, 'trayChange', isAbout(guest), () =>
      libvirt.domainUpdateDeviceFlags({ dom: guest.dom, xml: cdrom(''), flags: DomainAffect.live }),
    );
    expect(event).toMatchObject({ alias: 'scsi0-0-0-1', reason: 0 });
    await discard(libvirt, guest);
  },
  deviceAdded: async ({ libvirt, daemon, start }) => {
    const guest = await start();
    const path = await randomImage(join(daemon.directory, 'added'), 1);
    const xml = diskXml({ path, format: 'raw', target: 'sda' });
    const event = await eventOf(libvirt, 'deviceAdded', isAbout(guest), () =>
      libvirt.domainAttachDeviceFlags({ dom: guest.dom, xml, flags: DomainAffect.live }),
    );
    expect(event.alias).toBe('scsi0-0-0-0');
    await discard(libvirt, guest);
  },
  deviceRemoved: async ({ libvirt, daemon, start }) => {
    const path = await randomImage(join(daemon.directory, 'removed'), 1);
    const guest = await start({ devices: diskXml({ path, format: 'raw', target: 'sda' }) });
    const event = await eventOf(libvirt, 'deviceRemoved', isAbout(guest), () =>
      libvirt.domainDetachDeviceAlias({ dom: guest.dom, alias: 'scsi0-0-0-0', flags: DomainAffect.live }),
    );
    expect(event.alias).toBe('scsi0-0-0-0');
    await discard(libvirt, guest);
  },
  blockJob: async ({ libvirt, start }) => {
    const guest = await start();
    const event = await eventOf(libvirt, 'blockJob', isAbout(guest), () =>
      libvirt.domainBlockCopy({
        dom: guest.dom,
        path: 'vda',
        destinationXml: `<disk type='file'><source file='${guest.disk}.copy'/><driver type='raw'/></disk>`,
        params: [],
        flags: BlockCopy.transientJob,
      }),
    );
    expect(event).toMatchObject({ target: 'vda', type: BlockJobType.copy, status: BlockJobStatus.ready });
    await discard(libvirt, guest);
  },
  metadataChange: async ({ libvirt, define }) => {
    const guest = await define();
    const uri = 'https://example.org/ours';
    const event = await eventOf(libvirt, 'metadataChange', isAbout(guest), () =>
      libvirt.domainSetMetadata({ dom: guest.dom, type: MetadataType.element, metadata: '<kept/>', key: 'own', uri }),
    );
    expect(event).toMatchObject({ type: MetadataType.element, uri });
    await libvirt.domainUndefineFlags({ dom: guest.dom });
  },
  migrationIteration: async () => {
    const { source, target } = await world.pair();
    const guest = await source.start();
    const event = await eventOf(source.libvirt, 'migrationIteration', isAbout(guest), () => migrate(guest, target));
    expect(event.iteration).toBeGreaterThanOrEqual(1);
    await discard(target.libvirt, guest);
  },
  jobCompleted: async () => {
    const { source, target } = await world.pair();
    const guest = await source.start();
    const { params } = await eventOf(source.libvirt, 'jobCompleted', isAbout(guest), () => migrate(guest, target));
    expect(Number(valuesOf(params).get('memory_total'))).toBeGreaterThan(64 * 1024 * 1024 - 1);
    await discard(target.libvirt, guest);
  },
};

test.for(Object.entries(provocations))('an event of the kind %s arrives with all it says', async ([, provoke]) => {
  await provoke(world);
});

test('a listener that was taken away hears nothing more', async () => {
  const { libvirt, define } = world;
  const heard: number[] = [];
  const unsubscribe = await libvirt.subscribe('metadataChange', ({ type }) => heard.push(type));
  const guest = await define();
  await expect
    .poll(async () => {
      await libvirt.domainSetMetadata({ dom: guest.dom, type: MetadataType.title, metadata: 'first' });
      return heard.length;
    })
    .toBeGreaterThan(0);
  unsubscribe();
  const before = heard.length;
  await eventOf(
    libvirt,
    'metadataChange',
    ({ type }) => type === MetadataType.description,
    () => libvirt.domainSetMetadata({ dom: guest.dom, type: MetadataType.description, metadata: 'second' }),
  );
  expect(heard).toHaveLength(before);
  await libvirt.domainUndefineFlags({ dom: guest.dom });
});

function migrate(
  guest: { readonly dom: { readonly uuid: string } },
  target: World | Awaited<ReturnType<World['pair']>>['target'],
): Promise<unknown> {
  return world.pair().then(({ source }) =>
    source.libvirt.domainMigratePerform3Params({
      dom: guest.dom,
      destinationUri: `qemu+unix:///system?socket=${target.daemon.socket}`,
      params: [{ field: 'migrate_uri', type: 'string', value: 'tcp:127.0.0.1' }],
      cookie: Buffer.alloc(0),
      flags:
        DomainMigrate.live |
        DomainMigrate.peer2peer |
        DomainMigrate.unsafe |
        DomainMigrate.persistDestination |
        DomainMigrate.undefineSource,
    }),
  );
}
