import { isDeepStrictEqual } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Instance } from '../../src/model/instance.ts';
import { endOf } from './ends.ts';
import { eventually, type Fleet, furnish, startFleet } from './fleet.ts';

let fleet: Fleet;
let request: Awaited<ReturnType<typeof furnish>>;
const host = 'io-ops-1';

beforeAll(async () => {
  const settings = { 'scheduler.enabledFilters': '["ioOps"]', 'scheduler.maxIoOpsPerHost': 1 };
  fleet = await startFleet([host], {}, undefined, { settings });
  request = await furnish(fleet, 'io-ops');
});
afterAll(() => fleet[Symbol.asyncDispose]());
afterEach(() => fleet.leaveAlone());

test('a host that copies as many instances as it may gets none until one is copied', async () => {
  const { id: instanceId } = await fleet.run<Instance>('buildInstance', request('copied'));
  const copied = Promise.withResolvers<void>();
  onTestFinished(() => copied.resolve());
  fleet.at('extractSnapshot', async (point) => (point === 'before' ? copied.promise : undefined));
  const snapshot = await fleet.start('snapshotInstance', { instanceId, name: 'shot', mode: 'cold' });

  // Hosts are chosen from a list that may be a second old, and tell their own builds a moment late.
  const reason = `${host} has 1 instances that are built or copied, 1 at most`;
  await eventually(async () => {
    const end = await endOf(await fleet.start('buildInstance', request('next')));
    // The server has hosts of other fleets, too.
    const { hosts = [] } = (end?.details ?? {}) as { hosts?: { host: string; filter: string; reason: string }[] };
    return hosts.some((one) => isDeepStrictEqual(one, { host, filter: 'ioOps', reason })) ? end : null;
  });

  copied.resolve();
  await snapshot.result();
  expect(await fleet.run<Instance>('buildInstance', request('last'))).toMatchObject({ vmState: 'active', host });
});
