import { expect, test } from 'vitest';
import { cutApart, rejoin } from '../../../lab/lab.ts';
import { busy } from './mover.ts';
import type { Start } from './switched.ts';

/** Tests of migrations that take too long. `started`: a guest that goes with the test. */
export function slowTests(started: Start): void {
  test('a migration that takes longer than it may is aborted, and its guest stays', async (context) => {
    const mover = await started(context, busy);
    const input = await mover.prepare({ bandwidthMiBps: 2, completionTimeoutSeconds: 6, onTimeout: 'abort' });
    expect(await mover.migrate(input)).toEqual({ end: 'here', reason: expect.stringMatching(/^it was aborted after [67] s$/) });
    await mover.whenTicks(mover.from);
  });

  test('a migration that takes longer than it may is forced to its end where that is wanted', async (context) => {
    const mover = await started(context, busy);
    const input = await mover.prepare({ bandwidthMiBps: 2, completionTimeoutSeconds: 6, onTimeout: 'forceComplete' });
    expect(await mover.migrate(input)).toMatchObject({ end: 'gone', reason: null });
    expect((await mover.to.acts.sightOfGuest({ instanceId: mover.id })).completed?.totalMs).toBeGreaterThan(6_000);
    await mover.whenTicks(mover.to);
  });

  test('a guest is slowed down until its memory is sent as fast as it changes', async (context) => {
    const mover = await started(context, busy);
    const attempt = mover.begin(await mover.prepare({ bandwidthMiBps: 16, autoConverge: true }));
    await attempt.when(({ throttlePercent }) => throttlePercent > 0);
    expect(await attempt.ended).toMatchObject({ end: 'gone', reason: null });
    await mover.whenTicks(mover.to);
  });

  test.for([
    ['is aborted', true],
    ['is left to libvirt, which gives it up after half a minute', false],
  ] as const)(
    'a migration whose hosts are cut from one another, and that %s, leaves its guest running',
    async ([_name, isAborted], context) => {
      const mover = await started(context);
      const { from, to } = mover;
      const input = await mover.prepare({ bandwidthMiBps: 2 });
      const attempt = mover.begin(input);
      await attempt.whenIn('memory');
      context.onTestFinished(() => rejoin(from.host));
      await cutApart(from.host, to.host);
      if (isAborted) expect(await from.acts.abortMigration(input)).toEqual({ refusal: null });
      expect(await attempt.ended).toMatchObject({ end: 'here' }); // before they are joined again, and before TCP gives up
      await mover.whenTicks(from);
      await rejoin(from.host);
      expect(await mover.migrate({ ...(await mover.prepare()), migrationId: 'first/2' })).toMatchObject({ end: 'gone', reason: null });
    },
  );
}
