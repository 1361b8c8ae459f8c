import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Host } from '../../src/model/host.ts';
import { endOf } from './ends.ts';
import { type Fleet, furnish, startFleet } from './fleet.ts';

let fleet: Fleet;
let request: Awaited<ReturnType<typeof furnish>>;
const network = 'placement';
const hosts = ['placement-1', 'placement-2'];
const isLongRun = process.env['NOVAFLOW_TEST_ALL'] === '1';

beforeAll(async () => {
  fleet = await startFleet(hosts, { vcpus: 5 });
  request = await furnish(fleet, network);
});
afterAll(() => fleet[Symbol.asyncDispose]());

test.each(isLongRun ? [1, 2, 3] : [1])(
  'of twenty builds at once with room for ten, ten are active and ten find no host (%i. time)',
  async (turn) => {
    const builds = await Promise.all(
      Array.from({ length: 20 }, (_, index) => fleet.start('buildInstance', request(`crowd-${turn}-${index}`))),
    );
    const ends = await Promise.all(builds.map(endOf));
    expect(ends.filter((end) => end === null)).toHaveLength(10);
    const refused = ends.filter((end) => end?.type === 'NoValidHost');
    expect(refused).toHaveLength(10);
    for (const end of refused) {
      const details = end?.details as { hosts: { host: string; reason: string }[] } | undefined;
      expect(details?.hosts.map(({ host }) => host)).toEqual(expect.arrayContaining(hosts));
    }
    for (const name of hosts) expect((await fleet.record<Host>(`host/${name}`)).free.vcpus).toBe(0);
    await Promise.all(builds.map((build) => fleet.run('deleteInstance', { instanceId: build.firstExecutionRunId })));
    for (const name of hosts) expect((await fleet.record<Host>(`host/${name}`)).claims).toEqual([]);
  },
);
