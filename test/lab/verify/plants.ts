import { devices } from './plants/devices.ts';
import { domains } from './plants/domains.ts';
import { files } from './plants/files.ts';
import type { Plant, Victims } from './plants/plant.ts';
import { processes } from './plants/processes.ts';
import { records } from './plants/records.ts';
import type { World } from './world.ts';

/** One of each kind that can be made by hand. */
export function plantsIn(world: World, victims: Victims): readonly Plant[] {
  return [files, domains, devices, processes, records].flatMap((plants) => plants(world, victims));
}
