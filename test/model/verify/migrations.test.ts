import { expect, test } from 'vitest';
import type { Instance, Migration } from '../../../src/model/instance.ts';
import { compareHost } from '../../../src/model/verify/compare.ts';
import type { HostListing } from '../../../src/model/verify/listing.ts';
import type { HostScene } from '../../../src/model/verify/scene.ts';
import { before, host, instance, listing, seen, tidyHost, webId } from './tidy-host.ts';

const size = { vcpus: 1, memoryMiB: 64, diskGiB: 1 };
const open = { workflowId: 'resize/web', runId: 'run', type: 'resizeInstance', until: null };
const claimId = `migration/${webId}/7`;

/** An instance that went from cn1 to cn2, as it waits for its decision. */
function resized(changes: Partial<Instance> = {}, storage: Migration['storage'] = 'separate'): Instance {
  const { flavor: oldFlavor, disks: oldDisks } = instance();
  const ends = { source: 'cn1', destination: storage === 'sameHost' ? 'cn1' : 'cn2', storage };
  const migration: Migration = { type: 'resize', id: 'first', ...ends, claimId, oldFlavor, oldDisks, oldVmState: 'active' };
  return instance({ vmState: 'resized', host: ends.destination, open, migration, updatedAt: before, ...changes });
}

const aside = [{ instanceId: webId, files: ['disk', 'disk.config', 'migration.json'] }];
const claim = { id: claimId, instanceId: webId, ...size };

/** Its source: the domain is defined and off, the files are aside, the claim is the migration's. */
function source(one: Instance, changes: Partial<HostListing> = {}, claims = [claim]): HostScene {
  const tidy = listing();
  const left: HostListing = {
    ...tidy,
    domains: [{ instanceId: webId, powerState: 'shutdown', blockJobs: [] }],
    instances: { ...tidy.instances, perInstance: [{ instanceId: webId, files: ['generation', 'lock'] }], asides: aside },
    links: [],
    filterBindings: [],
    guests: [],
    ...changes,
  };
  return tidyHost({ instances: seen(one), record: host({ claims }), listing: left });
}

function found(scene: HostScene): readonly string[] {
  return compareHost({ ...scene, why: null }).map(({ kind, what }) => `${kind}: ${what}`);
}

const { instances: tidyInstances } = source(resized()).listing;

test('what the source of a resize keeps until it is decided is no finding', () => {
  expect(found(source(resized()))).toEqual([]);
});

test.for<[what: string, scene: HostScene, finding: string]>([
  [
    'a guest that runs there',
    source(resized(), { domains: [{ instanceId: webId, powerState: 'running', blockJobs: [] }] }),
    `PowerStateDiffers: instance ${webId} is running at the source of its migration`,
  ],
  ['a claim that is gone', source(resized(), {}, []), `ClaimMissing: instance ${webId} has no claim of its migration`],
  [
    'a disk that is gone',
    source(resized(), { instances: { ...tidyInstances, asides: [{ instanceId: webId, files: ['disk.config'] }] } }),
    `FileMissing: ${tidyInstances.directory}/${webId}_resize/disk`,
  ],
  [
    'files in the place of those that are aside',
    source(resized(), { instances: { ...tidyInstances, perInstance: [{ instanceId: webId, files: ['disk', 'generation', 'lock'] }] } }),
    `UnknownFile: ${tidyInstances.directory}/${webId} with disk`,
  ],
])('%s is one', ([, scene, finding]) => {
  expect(found(scene)).toEqual([finding]);
});

test('what lies aside of a migration that is over is a finding, and so is its claim', () => {
  const over = instance({ host: 'cn2', migration: null });
  expect(found(source(over, { domains: [] }))).toEqual([
    `UnknownClaim: claim ${claimId} of instance ${webId}: 1 vCPUs, 64 MiB memory, 1 GiB disk`,
    `UnknownFile: ${tidyInstances.directory}/${webId}_resize with disk, disk.config, migration.json`,
  ]);
});

test('on one host both claims of a resize are the instance’s, each of its flavor', () => {
  const both = [{ ...claim, id: webId, memoryMiB: 128 }, claim];
  const larger = resized({ flavor: { ...instance().flavor, name: 'larger', memoryMiB: 128 } }, 'sameHost');
  const { instances } = listing();
  const scene = tidyHost({
    instances: seen(larger),
    record: host({ claims: both }),
    listing: { ...listing(), instances: { ...instances, asides: aside } },
  });
  expect(found(scene)).toEqual([]);
});

test('a resize whose run was terminated while it waited is a finding', () => {
  const scene = source(resized());
  const lost = { ...scene, instances: new Map([[webId, { instance: resized(), isHolderOpen: false }]]) };
  expect(found(lost)).toEqual([`ClosedHolder: instance ${webId} waits for resizeInstance resize/web, run run, which has closed`]);
});
