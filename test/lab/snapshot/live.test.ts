import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { run } from '../../../lab/run.ts';
import { holdingIn } from '../../../src/activities/holding.ts';
import { snapshotModeActivities } from '../../../src/activities/snapshot/choose.ts';
import { liveSnapshotActivities } from '../../../src/activities/snapshot/live.ts';
import { ErrorCode, type Libvirt } from '../../../src/libvirt/index.ts';
import { liveDiskOf } from '../../../src/model/live-disk.ts';
import type { WantedSnapshotMode } from '../../../src/model/snapshot-mode.ts';
import { activityContext } from '../../activities/surroundings.ts';
import { loopDevice } from '../devices.ts';
import { inActivity } from '../in-activity.ts';
import { qcow2Image, randomImage } from '../libvirt/guest.ts';
import { eventually, type Host, startHost } from '../libvirt/world.ts';
import { type DiskParts, type Snapped, slowly, startSnapped } from './live-world.ts';

const MiB = 1024 ** 2;
/** A disk of 24 MiB at this rate is being copied for as long as a test needs. */
const slow = BigInt(MiB);

let host: Host;

beforeAll(async () => {
  host = await startHost();
});

afterAll(() => host[Symbol.asyncDispose]());

async function snapped(parts: DiskParts): Promise<Snapped> {
  const one = await startSnapped(host, parts);
  onTestFinished(async () => {
    await host.libvirt.domainDestroyFlags({ dom: one.guest.dom }).catch(() => {}); // a test may have ended it
    await host.libvirt.domainUndefineFlags({ dom: one.guest.dom });
  });
  return one;
}

/** A qcow2 overlay of 24 MiB, 16 of which are its own, on a base of 8. */
const overlay = async (path: string): Promise<string> => {
  const base = await randomImage(`${path}.base`, 8);
  await qcow2Image(path, ['-F', 'raw', '-b', base, '24M']);
  await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 7 4M 16M', path]);
  return `<backingStore type='file'><format type='raw'/><source file='${base}'/><backingStore/></backingStore>`;
};
const raw = async (path: string): Promise<string> => {
  await randomImage(path, 24);
  return '';
};

function activitiesOn(libvirt: Libvirt) {
  const whileHolding = holdingIn(host.daemon.directory);
  return {
    ...liveSnapshotActivities(libvirt, whileHolding),
    ...snapshotModeActivities(libvirt, whileHolding, { disableLiveSnapshot: false }),
  };
}

const copyOf = ({ input }: Snapped, libvirt = host.libvirt, mustQuiesce = false) =>
  inActivity(() => activitiesOn(libvirt).copyLive({ ...input, mustQuiesce }));
const endOf = ({ input }: Snapped) => inActivity(() => activitiesOn(host.libvirt).endLive(input));
const choose = ({ input }: Snapped, wanted: WantedSnapshotMode = 'auto') =>
  inActivity(() => activitiesOn(host.libvirt).chooseSnapshotMode({ ...input, wanted, isEncrypted: false }));

async function expectNoJob({ guest }: Snapped): Promise<void> {
  expect(await host.libvirt.domainGetBlockJobInfo({ dom: guest.dom, path: 'sda' })).toMatchObject({ found: false });
}

/** The whole matrix where all is tested. */
const isLongRun = process.env['NOVAFLOW_TEST_ALL'] === '1';
const signals = isLongRun ? (['SIGKILL', 'SIGTERM'] as const) : (['SIGKILL'] as const);
const ends = isLongRun ? (['is switched off', 'loses its QEMU'] as const) : (['loses its QEMU'] as const);

/** Nothing is left, and the guest runs on, on its own disk. */
async function expectAsBefore(one: Snapped): Promise<void> {
  await expectNoJob(one);
  expect(await readdir(dirname(one.paths.copy))).toEqual([]);
  expect(await host.libvirt.domainIsPersistent({ dom: one.guest.dom })).toBe(true);
  expect(await host.libvirt.domainGetState({ dom: one.guest.dom })).toMatchObject({ state: 1 });
  expect(await host.libvirt.domainGetXmlDesc({ dom: one.guest.dom })).toMatch(new RegExp(`<source (file|dev)='${one.path}' index=`));
}

async function expectCopied({ path, input: { disk }, paths: { copy } }: Snapped): Promise<void> {
  const { stdout } = { stdout: await run('qemu-img', ['compare', '-U', '-f', disk.format, '-F', 'qcow2', path, copy]) };
  expect(stdout).toContain('Images are identical.');
}

/** Waits until the disk is being copied. */
const whenCopying = ({ guest }: Snapped) =>
  eventually(async () => liveDiskOf(await host.libvirt.domainGetXmlDesc({ dom: guest.dom }), 'sda').mirror).not.toBeNull();

test('an overlay that grew while its guest ran is copied onto its own base, as large as it is now, while its domain stays defined', async () => {
  const one = await snapped({ format: 'qcow2', write: overlay });
  await host.libvirt.domainBlockResize({ dom: one.guest.dom, disk: 'sda', size: BigInt(40 * MiB), flags: 1 });
  expect(await choose(one)).toEqual({ mode: 'live', reasons: [] });
  expect(await copyOf(one)).toEqual({ format: 'qcow2', sizeBytes: 40 * MiB, warning: null });
  const info = JSON.parse(await run('qemu-img', ['info', '--output=json', '-f', 'qcow2', one.paths.copy]));
  expect(info).toMatchObject({
    'virtual-size': 40 * MiB,
    'backing-filename': `${one.path}.base`,
    'backing-filename-format': 'raw',
  });
  expect(info['actual-size']).toBeLessThan(18 * MiB);
  await expectCopied(one);
  await expectNoJob(one);
  expect(await host.libvirt.domainIsPersistent({ dom: one.guest.dom })).toBe(true);
  expect(await copyOf(one)).toEqual({ format: 'qcow2', sizeBytes: 40 * MiB, warning: null });
  await endOf(one);
  await expectAsBefore(one);
});

test('a whole file is copied into one that stands on nothing', async () => {
  const one = await snapped({ format: 'raw', write: raw });
  await copyOf(one);
  expect(JSON.parse(await run('qemu-img', ['info', '--output=json', '-f', 'qcow2', one.paths.copy]))).not.toHaveProperty(
    'backing-filename',
  );
  await expectCopied(one);
  await endOf(one);
  await expectAsBefore(one);
});

if (isLongRun) {
  test('a whole device of several GiB is copied while its guest runs, and what is empty takes no room', async () => {
    const device = await loopDevice(3072);
    onTestFinished(() => device[Symbol.asyncDispose]());
    const one = await snapped({
      format: 'raw',
      device: device.path,
      write: async (path) => {
        await run('qemu-io', ['-f', 'raw', '-c', 'write -P 9 1G 40M', path]);
        return '';
      },
    });
    await copyOf(one);
    expect((await stat(one.paths.copy)).blocks * 512).toBeLessThan(50 * MiB);
    expect(await run('qemu-io', ['-r', '-f', 'qcow2', '-c', 'read -P 9 1G 40M', one.paths.copy])).not.toContain('verification failed');
    const extents: readonly { zero: boolean; start: number; length: number }[] = JSON.parse(
      await run('qemu-img', ['map', '--output=json', '-f', 'qcow2', one.paths.copy]),
    );
    const nonzero = extents.filter(({ zero }) => !zero);
    expect([nonzero.at(0)?.start, nonzero.reduce((sum, { length }) => sum + length, 0)]).toEqual([1024 * MiB, 40 * MiB]);
    await endOf(one);
    await expectAsBefore(one);
  });
}

test.for(signals)('a copy whose libvirtd ends by %s is gone on with, not begun anew', async (signal) => {
  await copiedThough(() => host.daemon.restart(signal));
});

test('a copy that became ready while libvirtd was away is complete', async () => {
  await copiedThough(async () => {
    await host.daemon.signal('SIGSTOP');
    await host.daemon.inside('sleep', ['1.2']);
    await host.daemon.restart('SIGKILL');
  });
});

/** Copies a disk while its libvirtd goes and comes back; the copy was begun once, and is whole. */
async function copiedThough(libvirtdGoes: () => Promise<void>): Promise<void> {
  const one = await snapped({ format: 'qcow2', write: overlay });
  const { libvirt, begun } = slowly(host.libvirt, slow * 16n);
  const copying = copyOf(one, libvirt);
  copying.catch(() => {});
  await whenCopying(one);
  await libvirtdGoes();
  await copying.catch(() => copyOf(one, libvirt));
  expect(begun()).toBe(1);
  await expectCopied(one);
  await endOf(one);
  await expectAsBefore(one);
}

test('a retry goes on with the copy of a worker that was killed', async () => {
  const one = await snapped({ format: 'qcow2', write: overlay });
  const { libvirt, begun } = slowly(host.libvirt, slow * 16n);
  const activity = activityContext();
  const first = activity.run(() => activitiesOn(libvirt).copyLive({ ...one.input, mustQuiesce: false }));
  await whenCopying(one);
  activity.cancel('WORKER_SHUTDOWN');
  await expect(first).rejects.toThrow();
  await copyOf(one, libvirt);
  expect(begun()).toBe(1);
  await expectCopied(one);
});

test('a snapshot that is cancelled while it copies leaves its guest as it was', async () => {
  const one = await snapped({ format: 'qcow2', write: overlay });
  const activity = activityContext();
  const first = activity.run(() => activitiesOn(slowly(host.libvirt, slow).libvirt).copyLive({ ...one.input, mustQuiesce: false }));
  await whenCopying(one);
  activity.cancel();
  await expect(first).rejects.toThrow();
  await endOf(one);
  await expectAsBefore(one);
  await endOf(one);
});

test.for(ends)('the copy of a guest that %s fails and says so, and nothing is left', async (how) => {
  const one = await snapped({ format: 'qcow2', write: overlay });
  const copying = copyOf(one, slowly(host.libvirt, slow).libvirt);
  copying.catch(() => {});
  await whenCopying(one);
  if (how === 'is switched off') await host.libvirt.domainDestroyFlags({ dom: one.guest.dom });
  else await host.daemon.signalGuest(one.guest.name, 'KILL');
  await expect(copying).rejects.toMatchObject({ type: 'DomainStateConflict', message: expect.stringContaining('the guest is off') });
  await endOf(one);
  expect(await readdir(dirname(one.paths.copy))).toEqual([]);
  expect(await choose(one)).toEqual({ mode: 'cold', reasons: ['the guest is shutdown, not running'] });
});

test('what a snapshot left whose operation was terminated is removed by the next', async () => {
  const one = await snapped({ format: 'qcow2', write: overlay });
  const activity = activityContext();
  const first = activity.run(() => activitiesOn(slowly(host.libvirt, slow).libvirt).copyLive({ ...one.input, mustQuiesce: false }));
  await whenCopying(one);
  activity.cancel();
  await expect(first).rejects.toThrow();
  const next = { ...one, input: { ...one.input, imageId: randomUUID(), token: { run: 'next', generation: 2 } } };
  expect(await choose(next)).toEqual({ mode: 'live', reasons: [] });
  await expectNoJob(one);
  expect(existsSync(dirname(one.paths.copy))).toBe(false);
});

test("a job that is not a snapshot's is left alone, and the snapshot says so", async () => {
  const one = await snapped({ format: 'qcow2', write: overlay });
  const elsewhere = join(host.daemon.directory, `${one.guest.uuid}.backup`);
  await slowly(host.libvirt, slow).libvirt.domainBlockCopy({
    dom: one.guest.dom,
    path: 'sda',
    destinationXml: `<disk type='file'><driver type='raw'/><source file='${elsewhere}'/></disk>`,
    params: [],
    flags: 4,
  });
  for (const wanted of ['auto', 'live', 'cold'] as const) {
    await expect(choose(one, wanted)).rejects.toMatchObject({
      type: 'DomainStateConflict',
      message: expect.stringContaining('sda has a block job that is not of a snapshot of ours'),
    });
  }
  await expect(copyOf(one)).rejects.toMatchObject({ code: ErrorCode.blockCopyActive });
  await endOf(one);
  expect(liveDiskOf(await host.libvirt.domainGetXmlDesc({ dom: one.guest.dom }), 'sda').mirror).toMatchObject({ path: elsewhere });
});

test('a paused guest has its snapshot taken cold, and a live one is refused by its field', async () => {
  const one = await snapped({ format: 'raw', write: raw });
  await host.libvirt.domainSuspend({ dom: one.guest.dom });
  expect(await choose(one)).toEqual({ mode: 'cold', reasons: ['the guest is paused, not running'] });
  const refusal = 'must not be live: the guest is paused, not running';
  await expect(choose(one, 'live')).rejects.toMatchObject({
    type: 'InvalidRequest',
    message: `mode ${refusal}`,
    details: [{ fields: [{ field: 'mode', message: refusal }] }],
  });
});

const channel = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>";

test('a guest whose agent is silent is copied with a warning, and not where its image requires that it be frozen', async () => {
  const one = await snapped({ format: 'raw', write: raw, devices: channel });
  await expect(copyOf(one, host.libvirt, true)).rejects.toMatchObject({
    type: 'GuestNotQuiesced',
    message: expect.stringContaining('its agent is not there'),
  });
  await expectNoJob(one);
  expect(await copyOf(one)).toMatchObject({ warning: 'its agent does not answer' });
});

test('a file that a copy left, of which nobody knows whether it is whole, is copied again', async () => {
  const one = await snapped({ format: 'raw', write: raw });
  await copyOf(one);
  await rename(one.paths.copy, one.paths.partial);
  await writeFile(one.paths.partial, 'half');
  await copyOf(one);
  await expectCopied(one);
});
