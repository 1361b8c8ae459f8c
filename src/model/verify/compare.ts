import type { Host } from '../host.ts';
import type { Network } from '../network.ts';
import { addressFindings, unknownAddress } from './addresses.ts';
import { claimFindings } from './claims.ts';
import { deviceFindings } from './devices.ts';
import { blockJobFindings, domainFindings } from './domains.ts';
import type { Finding } from './finding.ts';
import { closedHolderFindings, closedImportFindings, type OpenRun, openRunFindings } from './holders.ts';
import { baseFindings, instanceFileFindings } from './instance-files.ts';
import type { HostListing } from './listing.ts';
import { loopFindings, processFindings } from './machine.ts';
import { filterFindings, tapFindings } from './network-devices.ts';
import { pinningFindings } from './pinning.ts';
import { type HostScene, isBusy, type SeenInstance, whyForeign } from './scene.ts';
import { storeFindings } from './store-files.ts';

const ofRecords = [claimFindings, addressFindings] as const;
const ofListing = [
  domainFindings,
  pinningFindings,
  blockJobFindings,
  instanceFileFindings,
  baseFindings,
  deviceFindings,
  storeFindings,
  tapFindings,
  filterFindings,
  loopFindings,
  processFindings,
] as const;

/** A scene whose host may have been silent: then `why` says so. */
export type ListedOrSilent = Omit<HostScene, 'listing'> &
  ({ readonly listing: HostListing; readonly why: null } | { readonly listing: null; readonly why: string });

/** Everything about one host that is not as the records say. Of a silent host only the records are compared, with one another. */
export function compareHost(scene: ListedOrSilent): readonly Finding[] {
  const { listing, why, ...rest } = scene;
  const holders = closedHolderFindings(scene.instances.values());
  if (listing === null) {
    const withoutListing: HostScene = { ...rest, listing: emptyListing };
    return [silence(scene, why), ...holders, ...ofRecords.flatMap((findings) => findings(withoutListing))];
  }
  const listed: HostScene = { ...rest, listing };
  return [...hostStateFindings(listed), ...holders, ...[...ofRecords, ...ofListing].flatMap((findings) => findings(listed))];
}

/** The records that are of no host. */
export interface FleetScene {
  readonly since: string;
  /** Instances that are on no host, own an address there, or that an open run names; by id. */
  readonly instances: ReadonlyMap<string, SeenInstance>;
  /** Instances that a comparison of their host covers. */
  readonly placed: ReadonlySet<string>;
  readonly networks: readonly Network[];
  /** Deleted instances that a host which is down may still run. */
  readonly owed: ReadonlySet<string>;
  /** Images that are queued or saving. */
  readonly storing: readonly string[];
  readonly open: readonly OpenRun[];
}

/** Everything that is wrong among records that are of no host: addresses of nobody, locks of closed runs, runs that hold nothing. */
export function compareFleet(scene: FleetScene): readonly Finding[] {
  const { instances, placed, networks, owed, storing, open, since } = scene;
  const isExplained = (owner: string) => {
    const instance = instances.get(owner)?.instance;
    return placed.has(owner) || owed.has(owner) || (instance !== undefined && isBusy(instance, since));
  };
  const addresses = networks.flatMap(({ name, ports }) =>
    ports.filter(({ owner }) => !isExplained(owner)).map((port) => unknownAddress(null, name, port, whyForeign(scene, port.owner))),
  );
  const unplaced = [...instances.values()].filter(({ instance }) => !placed.has(instance.id));
  return [
    ...addresses,
    ...closedHolderFindings(unplaced),
    ...closedImportFindings(storing, open),
    ...openRunFindings(open, instances, storing),
  ];
}

function silence({ host, record }: { readonly host: string; readonly record: Host | null }, why: string): Finding {
  const state = record?.state === 'down' ? `its record says down: ${record.downReason}` : 'its record says up';
  return { kind: 'HostSilent', host, what: `host ${host} could not be listed`, likelyCause: `${why}; ${state}` };
}

function hostStateFindings({ host, record }: HostScene): readonly Finding[] {
  if (record === null || record.state === 'up') return [];
  const likelyCause = `its worker answers, the record says: ${record.downReason}; it says up as soon as the worker reports`;
  return [{ kind: 'HostStateDiffers', host, what: `host ${host} is down in its record`, likelyCause }];
}

/** Of a host that has nothing of ours. */
export const emptyListing: HostListing = {
  domains: [],
  devices: [],
  instances: { directory: '/', sharers: [], perInstance: [], bases: [], others: [] },
  store: { directory: '/', files: [] },
  links: [],
  filterBindings: [],
  loopDevices: [],
  guests: [],
  tools: [],
};
