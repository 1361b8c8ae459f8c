import type { Config } from '../config.ts';
import type { Libvirt } from '../libvirt/index.ts';
import type { HostListing } from '../model/verify/listing.ts';
import type { DeviceKeeper } from './disks/device-keeper.ts';
import { listDomains } from './host-listing/domains.ts';
import { listInstances, listStore, listTransfers } from './host-listing/files.ts';
import { listLinks, listLoopDevices } from './host-listing/machine.ts';
import { listGuests, listTools } from './host-listing/processes.ts';

export interface HostListingActivities {
  /** Lists all that this host has of ours. Changes nothing. */
  listHost(): Promise<HostListing>;
}

/** The host's side of `verify`: it looks, and judges nothing. */
export function hostListingActivities(
  libvirt: Libvirt,
  devices: DeviceKeeper,
  { instancesDir, imageStore: { directory }, runDir }: Pick<Config, 'instancesDir' | 'imageStore' | 'runDir'>,
): HostListingActivities {
  return {
    listHost: async () => {
      const [domains, bindings, links, instances, store, listedDevices, loopDevices, guests, tools, transfers] = await Promise.all([
        listDomains(libvirt),
        libvirt.connectListAllNwfilterBindings({ needResults: 1 }),
        listLinks(),
        listInstances(instancesDir),
        listStore(directory),
        devices.list(),
        listLoopDevices(instancesDir),
        listGuests(),
        listTools([instancesDir, directory]),
        listTransfers(runDir),
      ]);
      const filterBindings = bindings.map(({ portDev }) => portDev).sort();
      return { domains, instances, store, devices: listedDevices, links, filterBindings, loopDevices, guests, tools, transfers };
    },
  };
}
