import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { MockActivityEnvironment } from '@temporalio/testing';
import { type LabHost, runInHost } from '../../../lab/lab.ts';
import { until } from '../../../lab/wait.ts';
import type { migrationDestinationActivities } from '../../../src/activities/live-migration/destination.ts';
import type { MigrateInput, migrateActivities } from '../../../src/activities/live-migration/migrate.ts';
import type { MigrationEnd } from '../../../src/activities/live-migration/note.ts';
import type { migrationSourceActivities } from '../../../src/activities/live-migration/source.ts';
import type { MigrationTarget } from '../../../src/activities/live-migration/start.ts';
import { type Progress, progressHolder } from '../../../src/activities/progress.ts';
import { DomainDestroy, DomainUndefine, type Libvirt } from '../../../src/libvirt/index.ts';
import type { WantedMigration } from '../../../src/model/live-migration/policy.ts';
import type { MigrationPhase, MigrationProgress } from '../../../src/model/live-migration/progress.ts';
import { activityContext, inActivity } from '../../activities/surroundings.ts';

/** The instances as the hosts see them. */
export const inside = '/var/lib/nova/instances';
export const MiB = 1024 ** 2;

/** A host and what its compute worker would do on it. */
export interface Side {
  readonly host: LabHost;
  /** Where its worker notes what outlives it. */
  readonly runDir: string;
  readonly libvirt: Libvirt;
  readonly acts: ReturnType<typeof migrateActivities> &
    ReturnType<typeof migrationSourceActivities> &
    ReturnType<typeof migrationDestinationActivities>;
  /** Where a guest that comes here is sent. */
  readonly target: MigrationTarget;
}

/** Of a guest that writes so much of its memory again and again. */
export const busy = { memoryMiB: 128, commandLine: 'dirties=24' } as const;

/** A guest that runs on a host by our own domain XML, on an overlay of 96 MiB above a base that both hosts have. */
export interface Mover {
  readonly id: string;
  readonly from: Side;
  readonly to: Side;
  readonly furnish: (side: Side) => Promise<void>;
  /** The last that it printed at a host. */
  readonly lastTick: (side: Side) => Promise<number>;
  readonly whenTicks: (side: Side, more?: number) => Promise<void>;
  /** Goes through the checks and makes its place at the destination. */
  readonly prepare: (wanted?: WantedMigration) => Promise<MigrateInput>;
  /** Begins the step as a worker would, by its own connection or another's: another attempt. */
  readonly begin: (input: MigrateInput, side?: Side) => Attempt;
  readonly migrate: (input: MigrateInput) => Promise<MigrationEnd>;
}

/** The step that migrates, under way. */
export interface Attempt {
  readonly ended: Promise<MigrationEnd>;
  /** What a heartbeat would say now, once the migration is so far; raises how it ended when it never was. */
  readonly when: (isSo: (progress: MigrationProgress) => boolean) => Promise<MigrationProgress>;
  readonly whenIn: (phase: MigrationPhase) => Promise<MigrationProgress>;
  readonly cancel: MockActivityEnvironment['cancel'];
}

/** @param furnish makes a guest's directory on a host, with a disk that is empty */
export function moverOf(id: string, from: Side, to: Side, furnish: (side: Side) => Promise<void>): Mover {
  const ticks = async (side: Side) => [...(await consoleOf(side, id)).matchAll(/TICK (\d+)/g)].map(([, tick]) => Number(tick));
  const lastTick = async (side: Side) => (await ticks(side)).at(-1) ?? 0;
  const token = { run: 'run', generation: 1, step: 1 };
  const begin = (input: MigrateInput, side = from): Attempt => {
    const attempt = activityContext();
    const holder: { current: Progress | null } = { current: null };
    const ended: Promise<MigrationEnd> = progressHolder.run(holder, () => attempt.run(() => side.acts.migrateGuest(input)));
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    ended.then(over, over); // who waits for it hears how
    const when: Attempt['when'] = (isSo) => {
      const look = async () => {
        const progress = holder.current?.migration;
        if (progress !== undefined && isSo(progress)) return progress;
        if (isOver) throw new Error(`the migration of ${id} never was so far: ${JSON.stringify(await ended)}`);
        return null;
      };
      return until(look, { what: `what is waited for of ${id}`, timeoutMs: 60_000 });
    };
    return {
      ended,
      when,
      whenIn: (phase) => when((progress) => progress.phase === phase),
      cancel: (...args) => attempt.cancel(...args),
    };
  };
  return {
    id,
    from,
    to,
    furnish,
    lastTick,
    whenTicks: async (side, more = 1) => {
      const wanted = (await lastTick(side)) + more;
      await until(async () => ((await lastTick(side)) >= wanted ? true : null), { what: `tick ${wanted} of ${id}`, timeoutMs: 60_000 });
    },
    prepare: (wanted = {}) =>
      inActivity(async () => {
        const checked = await from.acts.checkGuestMoves({ token, instanceId: id, wanted, diskBytes: [96 * MiB] });
        const { refusal } = await to.acts.checkTakesGuest({ token, guest: checked });
        if (refusal !== null) throw new Error(refusal);
        const [{ policy }, { target }] = [checked, to];
        await from.acts.reachDestination({ token, instanceId: id, target, policy });
        await furnish(to);
        const disks = { disks: ['vda'], wholeDisks: [], copied: 'overlays', isShared: false } as const;
        return { token, instanceId: id, migrationId: 'first/1', target, policy, ...disks };
      }),
    begin,
    migrate: (input) => begin(input).ended,
  };
}

/** Leaves no guest on either host. */
export async function discardMover({ id, from, to }: Mover): Promise<void> {
  for (const { libvirt, host } of [from, to]) {
    await libvirt.domainDestroyFlags({ dom: { uuid: id }, flags: DomainDestroy.default }).catch(() => undefined); // it may be off, or elsewhere
    await libvirt.domainUndefineFlags({ dom: { uuid: id }, flags: DomainUndefine.keepNvram }).catch(() => undefined);
    await rm(join(host.instancesDir, id), { recursive: true, force: true });
  }
}

/** Has the other host see the guest's directory of the one, as shared storage would. */
export async function shareDirectory({ id, from, to }: Mover): Promise<void> {
  await runInHost(to.host, ['mount', '--bind', join(from.host.instancesDir, id), join(inside, id)]);
}

/** What a guest wrote to its disk at its first boot, as it lies on a host. */
export async function journalLine({ host }: Side, id: string): Promise<string> {
  const disk = join(host.instancesDir, id, 'disk');
  const look = async () => /boot 1 [0-9a-f-]{36}/.exec(await readFile(disk, 'latin1'))?.[0] ?? null;
  return until(look, { what: `the journal of ${id}`, timeoutMs: 10_000 });
}

/** What a guest printed on a host. */
export function consoleOf({ host }: Side, id: string): Promise<string> {
  return readFile(join(host.instancesDir, id, 'console.log'), 'utf8').catch(() => '');
}
