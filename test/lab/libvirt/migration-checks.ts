import { join } from 'node:path';
import { expect } from 'vitest';
import {
  DomainMigrate,
  DomainState,
  ErrorCode,
  JobOperation,
  JobStats,
  JobType,
  RunningReason,
  valuesOf,
} from '../../../src/libvirt/index.ts';
import { randomImage } from './guest.ts';
import { type Checks, discard, eventually, type Host, type KnownGuest, type World } from './world.ts';

interface Move {
  readonly guest: KnownGuest;
  readonly source: Host;
  readonly target: Host;
  /** Settles when the migrate call has been answered. */
  readonly answer: Promise<Buffer>;
}

/** Begins to move a guest whose memory holds 24 MiB of random bytes, at 1 MiB/s unless told otherwise. */
async function moveGuest(world: World, { bandwidthMiBps = 1n, flags = 0 } = {}): Promise<Move> {
  const { source, target } = await world.pair();
  const noise = await randomImage(join(source.daemon.directory, 'noise'), 24);
  const guest = await source.start({ qemuArgs: ['-device', `loader,file=${noise},addr=0x2000000,force-raw=on`] });
  const answer = source.libvirt.domainMigratePerform3Params({
    dom: guest.dom,
    destinationUri: `qemu+unix:///system?socket=${target.daemon.socket}`,
    params: [
      { field: 'migrate_uri', type: 'string', value: 'tcp:127.0.0.1' },
      { field: 'bandwidth', type: 'ullong', value: bandwidthMiBps },
    ],
    cookie: Buffer.alloc(0),
    flags:
      DomainMigrate.live |
      DomainMigrate.peer2peer |
      DomainMigrate.unsafe |
      DomainMigrate.persistDestination |
      DomainMigrate.undefineSource |
      flags,
  });
  answer.catch(() => undefined); // Whoever wants to know awaits it; a check may be over before.
  return { guest, source, target, answer };
}

/** Waits until memory is on its way. */
async function untilMoving({ source, guest }: Move): Promise<void> {
  await eventually(async () => {
    const { params } = await source.libvirt.domainGetJobStats({ dom: guest.dom });
    return Number(valuesOf(params).get('memory_processed') ?? 0);
  }).toBeGreaterThan(0);
}

async function abandon(move: Move): Promise<void> {
  await move.source.libvirt.domainAbortJob({ dom: move.guest.dom });
  await expect(move.answer).rejects.toMatchObject({ code: ErrorCode.operationAborted });
  await discard(move.source.libvirt, move.guest);
}

/** Checks of live migration between two daemons, begun by this client and carried out by the source. */
export const migrationChecks = {
  domainMigratePerform3Params: async (world) => {
    const { answer, source, target, guest } = await moveGuest(world, { bandwidthMiBps: 1000n });
    await answer;
    await expect(source.libvirt.domainLookupByUuid({ uuid: guest.uuid })).rejects.toMatchObject({ code: ErrorCode.noDomain });
    expect(await target.libvirt.domainGetState({ dom: guest.dom })).toEqual({ state: DomainState.running, reason: RunningReason.migrated });
    await discard(target.libvirt, guest);
  },
  domainGetJobStats: async (world) => {
    const move = await moveGuest(world);
    await untilMoving(move);
    const { type, params } = await move.source.libvirt.domainGetJobStats({ dom: move.guest.dom });
    expect(type).toBe(JobType.unbounded);
    expect(valuesOf(params).get('operation')).toBe(JobOperation.migrationOut);
    await move.source.libvirt.domainMigrateSetMaxSpeed({ dom: move.guest.dom, bandwidthMiBps: 1000n });
    await move.answer;
    const completed = await move.target.libvirt.domainGetJobStats({
      dom: move.guest.dom,
      flags: JobStats.completed | JobStats.keepCompleted,
    });
    expect(completed.type).toBe(JobType.completed);
    expect(valuesOf(completed.params).get('operation')).toBe(JobOperation.migrationIn);
    await discard(move.target.libvirt, move.guest);
  },
  domainAbortJob: async (world) => {
    const move = await moveGuest(world);
    await untilMoving(move);
    await move.source.libvirt.domainAbortJob({ dom: move.guest.dom });
    await expect(move.answer).rejects.toMatchObject({ code: ErrorCode.operationAborted });
    expect(await move.source.libvirt.domainGetState({ dom: move.guest.dom })).toMatchObject({ state: DomainState.running });
    await discard(move.source.libvirt, move.guest);
  },
  domainMigrateSetMaxSpeed: async (world) => {
    const move = await moveGuest(world);
    await untilMoving(move);
    const { libvirt } = move.source;
    await expect(libvirt.domainMigrateSetMaxSpeed({ dom: move.guest.dom, bandwidthMiBps: 7n, flags: 4096 })).rejects.toThrow(
      /flags \(0x1000\)/,
    );
    await libvirt.domainMigrateSetMaxSpeed({ dom: move.guest.dom, bandwidthMiBps: 7n });
    expect(await libvirt.domainMigrateGetMaxSpeed({ dom: move.guest.dom })).toBe(7n);
    await abandon(move);
  },
  domainMigrateGetMaxSpeed: async ({ libvirt, start }) => {
    const guest = await start();
    await libvirt.domainMigrateSetMaxSpeed({ dom: guest.dom, bandwidthMiBps: 11n });
    expect(await libvirt.domainMigrateGetMaxSpeed({ dom: guest.dom })).toBe(11n);
    await expect(libvirt.domainMigrateGetMaxSpeed({ dom: guest.dom, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
    await discard(libvirt, guest);
  },
  domainMigrateSetMaxDowntime: async ({ libvirt, start }) => {
    const guest = await start();
    await libvirt.domainMigrateSetMaxDowntime({ dom: guest.dom, downtimeMs: 123n });
    expect(await libvirt.domainMigrateGetMaxDowntime({ dom: guest.dom })).toBe(123n);
    await expect(libvirt.domainMigrateSetMaxDowntime({ dom: guest.dom, downtimeMs: 1n, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
    await discard(libvirt, guest);
  },
  domainMigrateGetMaxDowntime: async ({ libvirt, guest }) => {
    expect(await libvirt.domainMigrateGetMaxDowntime({ dom: guest.dom })).toBe(300n); // QEMU's own default.
    await expect(libvirt.domainMigrateGetMaxDowntime({ dom: guest.dom, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
  },
  domainMigrateStartPostCopy: async (world) => {
    const move = await moveGuest(world, { flags: DomainMigrate.postCopy });
    await untilMoving(move);
    const { libvirt } = move.source;
    await expect(libvirt.domainMigrateStartPostCopy({ dom: move.guest.dom, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
    await libvirt.domainMigrateStartPostCopy({ dom: move.guest.dom });
    await move.answer;
    expect(await move.target.libvirt.domainGetState({ dom: move.guest.dom })).toMatchObject({ state: DomainState.running });
    await discard(move.target.libvirt, move.guest);
  },
} satisfies Checks;
