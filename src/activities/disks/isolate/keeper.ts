import type { DeviceClaim } from '../../../model/device-claim.ts';
import { differenceOf } from '../../../model/device-claim.ts';
import type { DeviceKeeper } from '../device-keeper.ts';
import { zero } from '../zero.ts';
import { alone, identityOf } from './block-device.ts';
import type { DevicePool } from './pool.ts';

/** The whole devices of a host, as what instances leave behind. */
export function isolateKeeper(pool: DevicePool): DeviceKeeper {
  const { claims } = pool;
  const ofInstance = async (instanceId: string) => (await claims.read()).filter((claim) => claim.instanceId === instanceId);

  return {
    check: async (instanceId) => {
      for (const claim of await ofInstance(instanceId)) await pool.look(claim);
    },
    release: async (instanceId, kept = []) => {
      const going = async () => (await ofInstance(instanceId)).filter(({ disk }) => !kept.includes(disk));
      for (const { path, state } of await going()) await claims.note(path, isUntouched(state) ? 'free' : 'left');
      return (await going()).map(({ path }) => path);
    },
    wipe: async (instanceId) => {
      for (const claim of await ofInstance(instanceId)) if (claim.state === 'left') await wiped(claim);
    },
    list: async () =>
      Promise.all(
        (await claims.read()).map(async ({ path, instanceId, disk, identity }) => ({
          path,
          instanceId,
          disk,
          difference: differenceOf(identity, await identityOf(path)),
        })),
      ),
  };

  /** A device that was taken out of the configuration, since it broke say, is nobody's to wipe. */
  async function wiped(claim: DeviceClaim): Promise<void> {
    if (pool.has(claim.path)) {
      const { path, identity } = await pool.look(claim);
      await alone(path, () => zero(path, identity.sizeBytes, `wipe ${path}`));
    }
    await claims.note(claim.path, 'free');
  }
}

function isUntouched(state: DeviceClaim['state']): boolean {
  return state === 'claimed' || state === 'dirty';
}
