import { carriesSomething, type DeviceClaim } from '../../../model/device-claim.ts';
import type { Disk } from '../../../model/instance.ts';
import { fail } from '../../fail.ts';
import type { DeviceArrivals } from '../device-arrivals.ts';
import { zero } from '../zero.ts';
import { alone } from './block-device.ts';
import type { DevicePool } from './pool.ts';

/** The whole devices of a host, as what disks arrive on that come from another one. */
export function isolateArrivals({ claims, take, whyNot, look }: DevicePool): DeviceArrivals {
  return {
    whyNot,
    take: async (instanceId, wanted) => {
      const before = new Set((await ofInstance(instanceId)).map(({ path }) => path));
      const taken: DeviceClaim[] = [];
      try {
        for (const one of wanted) taken.push(await take(instanceId, one));
      } catch (error) {
        for (const { path } of taken) if (!before.has(path)) await claims.note(path, 'free');
        throw error;
      }
      return taken.map(({ path, disk, state, identity: { sizeBytes } }) => ({ path, disk, sizeBytes, isToClear: carriesSomething(state) }));
    },
    clear: async (instanceId) => {
      for (const claim of await ofInstance(instanceId)) {
        if (!carriesSomething(claim.state)) continue;
        const { path, identity } = await look(claim);
        await alone(path, () => zero(path, identity.sizeBytes, `wipe ${path}`));
        await claims.note(path, 'claimed');
      }
    },
    begin: async (instanceId, disk) => {
      const { path, state } = await claimOf(instanceId, disk);
      if (state === 'ready') throw fail('DestinationDiskExists', `${path} has ${disk.name} already: another operation left it`);
      await claims.note(path, 'writing');
    },
    finish: async (instanceId, disk) => claims.note((await claimOf(instanceId, disk)).path, 'ready'),
  };

  async function ofInstance(instanceId: string): Promise<readonly DeviceClaim[]> {
    return (await claims.read()).filter((claim) => claim.instanceId === instanceId);
  }

  async function claimOf(instanceId: string, { name, device }: Disk): Promise<DeviceClaim> {
    const claim = (await ofInstance(instanceId)).find(({ disk, path }) => disk === name && path === device);
    if (claim === undefined) throw fail('DestinationDiskExists', `${device} was not given to ${name} of instance ${instanceId}`);
    return look(claim);
  }
}
