import { expect, test } from 'vitest';
import { killLibvirtd, processesOf, signalProcess, startLibvirtd, whenEnded } from '../../../lab/lab.ts';
import { until } from '../../../lab/wait.ts';
import { whoseAfter } from '../../../src/model/live-migration/sight.ts';
import { inActivity } from '../in-activity.ts';
import type { Attempt, Side } from './mover.ts';
import { limitWire, type Start, switchedOver } from './switched.ts';
import type { MigrationWorld } from './world.ts';

/** What is killed, when, how the source ends then, and who has the guest by what both hosts show. */
const cases = [
  ['libvirtd', 'source', 'copy', 'here', 'source'],
  ['libvirtd', 'destination', 'copy', 'here', 'source'],
  ['QEMU', 'source', 'copy', 'off', 'nobody'],
  ['QEMU', 'destination', 'copy', 'here', 'source'],
  ['libvirtd', 'source', 'switched', 'gone', 'destination'],
  ['libvirtd', 'destination', 'switched', 'gone', 'destination'],
  ['QEMU', 'source', 'switched', 'off', 'destination'],
  ['QEMU', 'destination', 'switched', 'broken', 'destination'],
] as const;

/** Tests of migrations of which a host loses what makes them. `started`: a guest that goes with the test. */
export function killedTests(world: () => MigrationWorld, started: Start): void {
  test.for(cases)(
    'of a migration that loses the %s of its %s in its phase %s, the source says %s: %s',
    async ([what, where, phase, end, whose], context) => {
      const mover = await started(context, { from: world().other, to: world().one, memoryMiB: 256 });
      const { id, from, to } = mover;
      const input = await mover.prepare({ postCopy: true, bandwidthMiBps: 4 });
      const attempt = phase === 'copy' ? await copying(mover.begin(input)) : await switchedOver(mover, input);
      if (phase === 'switched') await mover.whenTicks(to);
      await kill(what, where === 'source' ? from : to, id);
      if (phase === 'switched') await limitWire(from, null);
      await attempt.ended.catch((failure: unknown) => expect(failure).toMatchObject({ type: 'PostCopyBroken' }));
      // As an operation does: what broke off after the switch is gone on with once, unless nothing is left there to go on with.
      if (end === 'gone') await mover.migrate(input);
      expect(await inActivity(() => from.acts.endMigration({ token: input.token, instanceId: id }))).toEqual({ end });
      const look = async () => (whoseAfter(end, await to.acts.sightOfGuest({ instanceId: id })) === whose ? true : null);
      await until(look, { what: `a destination that shows: ${whose}`, timeoutMs: 10_000 });
      if (whose === 'source') await mover.whenTicks(from);
      if (end === 'gone') await mover.whenTicks(to);
    },
  );
}

async function copying(attempt: Attempt): Promise<Attempt> {
  await attempt.whenIn('memory');
  return attempt;
}

async function kill(what: 'libvirtd' | 'QEMU', { host }: Side, id: string): Promise<void> {
  if (what === 'libvirtd') {
    await killLibvirtd(host);
    return startLibvirtd(host);
  }
  const qemu = (await processesOf(host)).find(({ command }) => command.includes('qemu-system') && command.includes(id));
  if (qemu === undefined) throw new Error(`no QEMU of ${id} runs on ${host.name}`);
  signalProcess(qemu, 'SIGKILL');
  await whenEnded(qemu);
}
