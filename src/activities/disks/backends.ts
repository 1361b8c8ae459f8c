import type { Config } from '../../config.ts';
import type { DiskKind } from '../../model/instance.ts';
import type { Content } from '../../model/wanted-disks.ts';
import type { BlankBackend, RootBackend } from './backend.ts';
import { arrivalsOn, type DeviceArrivals } from './device-arrivals.ts';
import { type DeviceKeeper, keptBy } from './device-keeper.ts';
import { isolateArrivals } from './isolate/arrivals.ts';
import { isolateKeeper } from './isolate/keeper.ts';
import { devicePool } from './isolate/pool.ts';
import { isolateBlank, isolateRoot } from './isolate.ts';
import { lvmArrivals } from './lvm/arrivals.ts';
import { lvmKeeper } from './lvm/keeper.ts';
import { lvmGroup } from './lvm/volume-group.ts';
import { lvmBlank, lvmRoot } from './lvm.ts';
import { qcow2Root } from './qcow2.ts';
import { rawBlank, rawRoot } from './raw.ts';

/** The ways to keep disks that this host has, by the kind that is recorded. */
export interface DiskBackends {
  readonly root: Readonly<Partial<Record<DiskKind, RootBackend>>>;
  readonly blank: Readonly<Partial<Record<DiskKind, BlankBackend>>>;
  readonly devices: DeviceKeeper;
  readonly arrivals: DeviceArrivals;
}

/** The backends of this host, from its configuration. */
export function diskBackends(config: Pick<Config, 'instancesDir' | 'host' | 'isolate' | 'lvm'>): DiskBackends {
  const pool = devicePool(config);
  const { volumeGroup, thinPool } = config.lvm;
  const group = volumeGroup === null ? null : lvmGroup({ volumeGroup, thinPool });
  return {
    root: { qcow2: qcow2Root, raw: rawRoot, isolate: isolateRoot(pool), ...(group === null ? {} : { lvm: lvmRoot(group) }) },
    blank: { raw: rawBlank, isolate: isolateBlank(pool), ...(group === null ? {} : { lvm: lvmBlank(group) }) },
    arrivals: arrivalsOn(config.host.name, { isolate: isolateArrivals(pool), lvm: group === null ? null : lvmArrivals(group) }),
    devices: keptBy([isolateKeeper(pool), ...(group === null ? [] : [lvmKeeper(group)])]),
  };
}

/** What kind a new disk becomes. An empty one stands on no base, so it is no overlay; a whole device would be wasted on swap. */
export function kindOfNew({ of }: Content, imagesType: Config['imagesType']): DiskKind {
  if (of === 'image') return imagesType;
  return imagesType === 'qcow2' || (imagesType === 'isolate' && of === 'swap') ? 'raw' : imagesType;
}
