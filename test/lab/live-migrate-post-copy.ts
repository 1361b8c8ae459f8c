import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { importGuest } from '../../lab/cloud.ts';
import { buildGuest, cutApart, rejoin, runInHost } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import type { Instance } from '../../src/model/instance.ts';
import type { OperationView } from '../../src/model/operation.ts';
import { findings } from '../faults/matrix.ts';
import { asking } from './asking.ts';
import { type OwnCloud, ownCloud } from './cloud-fixture.ts';
import { limitWire } from './live-migration/switched.ts';
import { bootsOnDisk, runsOn } from './moving.ts';
import { seenGuest } from './seen-guest.ts';

const flavor = { name: 'post-copied', vcpus: 1, memoryMiB: 256, rootGiB: 0 };
/** Until QEMU gives up a connection on which nothing is answered. */
const cutSeconds = 120;

/**
 * Tests of migrations that end by post-copy, through the whole operation. Only the first of the lab's hosts runs QEMU as root, which may
 * take what its guests miss from another host while they run: all go there.
 */
export function postCopyTests(): void {
  describe('a guest that switches over before all of its memory was sent', () => {
    let own: OwnCloud;
    const { run, record, start, hostNamed } = asking(() => own);
    const [source, destination] = [() => hostNamed('cn2'), () => hostNamed('cn1')];

    beforeAll(async () => {
      own = await ownCloud('live-post-copy', { NOVAFLOW_LIVE_MIGRATION_PERMIT_POST_COPY: 'true' });
      await importGuest(own.cloud, await buildGuest({}));
    }, 120_000);
    afterAll(() => own?.[Symbol.asyncDispose]());

    test('arrives whatever is asked for then: an abort is refused, a cancel changes nothing', async () => {
      const { instance, migration } = await switchedOver('asked');
      await expect(migration.executeUpdate('abort', { args: [{}] })).rejects.toMatchObject({
        cause: { type: 'InvalidState', message: expect.stringContaining('has switched over') },
      });
      await migration.cancel();
      await limitWire({ host: source() }, null);
      await requireArrived(instance, await migration.result());
    });

    test('arrives though its connection ends: what is left of it is sent by another, and nobody is asked', async () => {
      const { instance, migration } = await switchedOver('broken');
      // A processor of TCG that waits for memory holds QEMU's lock, and nobody can tell QEMU anything: by its next tick it idles.
      await whenItTicks(instance);
      await runInHost(source(), ['ss', '--kill', '--tcp', 'dport >= :49152 and dport <= :49215']);
      await limitWire({ host: source() }, null);
      await requireArrived(instance, await migration.result());
    });

    test(
      'is kept at both hosts when they are cut from one another, and goes on when an operator has joined them',
      async () => {
        const { instance, migration } = await switchedOver('cut', 20);
        await whenItTicks(instance);
        onTestFinished(() => rejoin(source()));
        await cutApart(source(), destination());
        await limitWire({ host: source() }, null);
        const parked = await until(async () => (await migration.query<OperationView>('operation')).parked, {
          what: 'the operator to be asked',
          timeoutMs: 2 * cutSeconds * 1000,
          intervalMs: 200,
        });
        expect(parked).toMatchObject({ step: 'migrateGuest', failure: { type: 'PostCopyBroken' } });
        for (const host of [source(), destination()]) {
          const domains = await runInHost(host, ['virsh', 'list', '--all', '--uuid']);
          expect(domains).toContain(instance.id);
        }
        await rejoin(source());
        await migration.executeUpdate('retry', { args: [{ reason: 'the cable is in again' }] });
        await requireArrived(instance, await migration.result());
      },
      4 * cutSeconds * 1000,
    );

    /** One that is at its destination, while most of its memory is at its source, from where it comes slowly. */
    async function switchedOver(name: string, mbit = 40) {
      await run('disableHost', { host: destination().name });
      const instance = await run<Instance>('buildInstance', { name, image: 'tiny', flavor });
      await run('enableHost', { host: destination().name });
      await seenGuest(instance, source()).whenTick(1);
      const wish = { instanceId: instance.id, host: destination().name, postCopy: true, bandwidthMiBps: 4 };
      const migration = await start('liveMigrateInstance', wish);
      const inMemory = async () => /Memory processed: +[1-9]/.test(await runInHost(source(), ['virsh', 'domjobinfo', instance.id])) || null;
      await until(inMemory, { what: 'its memory on the way', timeoutMs: 60_000 });
      await limitWire({ host: source() }, mbit);
      await migration.executeUpdate('forceComplete', { args: [{}] });
      const isThere = async () =>
        (await runInHost(destination(), ['virsh', 'domstate', '--reason', instance.id])).includes('running') || null;
      await until(isThere, { what: 'the switch', timeoutMs: 30_000 });
      return { instance, migration };
    }

    function whenItTicks(instance: Instance): Promise<true> {
      const seen = seenGuest(instance, destination());
      const look = async () => ((await seen.lastTick()) > 0 ? (true as const) : null);
      return until(look, { what: `a tick of ${instance.name}`, timeoutMs: 60_000 });
    }

    async function requireArrived({ id: instanceId, ...instance }: Instance, result: unknown): Promise<void> {
      const there = { vmState: 'active', powerState: 'running', host: destination().name, migration: null, operation: null };
      expect(result).toMatchObject(there);
      expect(await record(`instance/${instanceId}`)).toMatchObject(there);
      expect(await runsOn(source(), instanceId)).toBe(false);
      const seen = seenGuest({ id: instanceId, ...instance }, destination());
      await seen.whenTick((await seen.lastTick()) + 1);
      await run('stopInstance', { instanceId });
      expect(await bootsOnDisk(destination(), instanceId)).toEqual(['1']);
      await run('deleteInstance', { instanceId });
      expect(await findings(own)).toEqual([]);
    }
  });
}
