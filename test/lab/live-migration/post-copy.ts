import { ActivityCancellationDetails } from '@temporalio/common';
import { expect, test } from 'vitest';
import { cutApart, rejoin, runInHost } from '../../../lab/lab.ts';
import { inActivity } from '../in-activity.ts';
import { busy, consoleOf, type Mover, type Side } from './mover.ts';
import { limitWire, type Start, switchedOver } from './switched.ts';
import type { MigrationWorld } from './world.ts';

/** Tests of migrations by post-copy, which take long. `started`: a guest that goes with the test. */
export function postCopyTests(world: () => MigrationWorld, started: Start): void {
  // Only one of the lab's hosts runs QEMU as root, and may take what its guests miss from another while they run (userfaultfd).
  const toRoot = () => ({ from: world().other, to: world().one });

  test('a host whose QEMU may not handle page faults refuses post-copy before anything moves', async (context) => {
    const mover = await started(context);
    const reason = expect.stringContaining('Postcopy is not supported');
    expect(await mover.migrate(await mover.prepare({ postCopy: true }))).toEqual({ end: 'here', reason });
    await mover.whenTicks(mover.from);
  });

  test('a guest that changes its memory all the while switches over when it is told to, and nothing takes that back', async (context) => {
    const mover = await started(context, { ...toRoot(), ...busy, memoryMiB: 160 });
    const { from, to } = mover;
    const input = await mover.prepare({ postCopy: true, bandwidthMiBps: 4 });
    await limitWire(from, 160);
    const attempt = mover.begin(input);
    await attempt.whenIn('memory');
    expect(await from.acts.forceMigration(input)).toEqual({ refusal: null });
    await attempt.whenIn('switched');
    const refusal = 'the guest has switched over to its destination';
    expect(await from.acts.abortMigration(input)).toEqual({ refusal });
    expect(await from.acts.setMigrationPolicy({ ...input, bandwidthMiBps: 1 })).toEqual({ refusal, note: null });
    attempt.cancel('CANCELLED', new ActivityCancellationDetails({ cancelRequested: true }));
    expect(await attempt.ended).toMatchObject({ end: 'gone', reason: null });
    await limitWire(from, null);
    await mover.whenTicks(to);
    expect(await consoleOf(to, mover.id)).not.toContain('GUEST UP');
  });

  test('a guest whose memory no longer comes after it has switched over is kept at both hosts, and goes on when its migration does', async (context) => {
    const mover = await started(context, { ...toRoot(), memoryMiB: 256 });
    const { id, from, to } = mover;
    const input = await mover.prepare({ postCopy: true, bandwidthMiBps: 4 });
    const attempt = await switchedOver(mover, input);
    // A virtual processor of TCG that waits for memory holds QEMU's lock, and nobody can tell QEMU anything: the guest idles by now.
    await mover.whenTicks(to);
    await breakConnection(from);
    await expect(attempt.ended).rejects.toMatchObject({ type: 'PostCopyBroken', nonRetryable: true });
    await expectKept(mover, input);
    expect(await to.acts.sightOfGuest({ instanceId: id })).toMatchObject({ state: 'broken', job: 'migration in' });
    await limitWire(from, null);
    expect(await mover.migrate(input)).toMatchObject({ end: 'gone', reason: null });
    expect(await from.acts.sightOfGuest({ instanceId: id })).toMatchObject({ state: 'absent' });
    await mover.whenTicks(to);
  });

  test('hosts that were cut from one another after the switch go on by themselves once they are joined again', async (context) => {
    const mover = await started(context, { ...toRoot(), memoryMiB: 256 });
    const { id, from, to } = mover;
    const input = await mover.prepare({ postCopy: true, bandwidthMiBps: 4 });
    const attempt = await switchedOver(mover, input);
    await mover.whenTicks(to);
    await cutApart(from.host, to.host);
    await limitWire(from, null);
    await expect(attempt.ended).rejects.toMatchObject({ type: 'PostCopyBroken' });
    await expectKept(mover, input);
    const again = mover.begin(input);
    await rejoin(from.host);
    expect(await again.ended).toMatchObject({ end: 'gone', reason: null });
    expect(await to.acts.sightOfGuest({ instanceId: id })).toMatchObject({ state: 'running', job: 'none' });
    await mover.whenTicks(to);
  }, 200_000);
}

type Input = Awaited<ReturnType<Mover['prepare']>>;

/** Neither side is destroyed, and nothing can be begun, ended or run that would make two of one guest. */
async function expectKept({ id, from }: Mover, input: Input): Promise<void> {
  const { token } = input;
  const conflict = { type: 'DomainStateConflict' };
  expect(await inActivity(() => from.acts.endMigration({ token, instanceId: id }))).toEqual({ end: 'broken' });
  await expect(inActivity(() => from.acts.runOn({ token, instanceId: id }))).rejects.toMatchObject(conflict);
  await expect(inActivity(() => from.acts.migrateGuest({ ...input, migrationId: 'first/2' }))).rejects.toMatchObject(conflict);
}

/** Has QEMU's connection end at once on both sides; those of libvirt stay. */
async function breakConnection({ host }: Side): Promise<void> {
  await runInHost(host, ['ss', '--kill', '--tcp', 'dport >= :49152 and dport <= :49215']);
}
