import { cpuSetOf } from '../cpus/cpu-set.ts';
import { cpusOf } from '../cpus/guest-cpus.ts';
import { cpuSetsOf } from '../cpus/placement.ts';
import type { Claim } from '../host.ts';
import type { Instance } from '../instance.ts';
import { isOn } from '../power-state.ts';
import type { Finding } from './finding.ts';
import { type HostScene, instancesHere, whereabouts } from './scene.ts';

/** Guests that are on other CPUs than they were given, records that say so, and CPUs that are not for one guest alone though one has them so. */
export function pinningFindings(scene: HostScene): readonly Finding[] {
  const ofInstances = instancesHere(scene).flatMap((instance) => [
    ...recordElsewhere(scene, instance),
    ...pinnedElsewhere(scene, instance),
    ...nobodysAlone(scene, instance),
    ...floatingElsewhere(scene, instance),
  ]);
  return [...ofInstances, ...pinnedTwice(scene)];
}

function recordElsewhere(scene: HostScene, instance: Instance): readonly Finding[] {
  const claim = claimOf(scene, instance);
  const [says, has] = [(instance.pinnedCpus ?? []).flatMap((cpu) => cpu ?? []), claim?.cpus?.pinned ?? []];
  if (claim === undefined || says.join() === has.join()) return [];
  const likelyCause = 'an operation was terminated between the two: migrate the instance, which claims anew';
  return [differs(scene, `the record of instance ${instance.id} says ${named(says)}, its claim ${named(has)}`, likelyCause)];
}

function pinnedElsewhere(scene: HostScene, { id, pinnedCpus }: Instance): readonly Finding[] {
  const pins = scene.listing.domains.find(({ instanceId }) => instanceId === id)?.pins;
  const wanted = cpuSetsOf({ pinned: pinnedCpus ?? null, shared: scene.record?.inventory.guestCpus?.shared ?? [] }).perVcpu;
  if (pins === undefined || pins.join(' ') === wanted.join(' ')) return [];
  const what = `the vCPUs of instance ${id} are pinned to ${pins.join(' ') || 'nothing'}, its record says ${wanted.join(' ') || 'nothing'}`;
  return [differs(scene, what, 'somebody used virsh on the guest: a hard reboot has it where it belongs')];
}

function nobodysAlone(scene: HostScene, instance: Instance): readonly Finding[] {
  const alone = dedicatedTo(scene);
  const shared = (claimOf(scene, instance)?.cpus?.pinned ?? []).filter((cpu) => !alone.has(cpu));
  if (shared.length === 0) return [];
  const what = `instance ${instance.id} has ${named(shared)} for itself, which the host does not set apart`;
  return [differs(scene, what, 'host.cpuDedicatedSet was changed under it: others may run there until the instance is migrated')];
}

function floatingElsewhere(scene: HostScene, { id, pinnedCpus }: Instance): readonly Finding[] {
  const { shared } = scene.record?.inventory.guestCpus ?? {};
  const floatsOver = scene.listing.domains.find(({ instanceId }) => instanceId === id)?.floatsOver;
  if (shared === undefined || floatsOver === undefined || pinnedCpus != null || floatsOver === cpuSetOf(shared)) return [];
  const what = `instance ${id} floats over ${floatsOver === null ? 'all CPUs' : `CPUs ${floatsOver}`}, its host shares ${named(shared)}`;
  return [differs(scene, what, 'the host was configured otherwise when it was defined: a hard reboot, or a migration, defines it anew')];
}

function pinnedTwice(scene: HostScene): readonly Finding[] {
  const alone = dedicatedTo(scene);
  const users = new Map<string, string[]>();
  for (const { instanceId, powerState, pins = [] } of scene.listing.domains) {
    if (!isOn(powerState) || whereabouts(scene, instanceId) === 'busy') continue;
    for (const cpu of new Set(pins.filter((set) => alone.has(Number(set))))) users.set(cpu, [...(users.get(cpu) ?? []), instanceId]);
  }
  return [...users].flatMap(([cpu, instances]) =>
    instances.length < 2
      ? []
      : [
          differs(
            scene,
            `CPU ${cpu} has vCPUs of instances ${instances.join(' and ')}`,
            'virsh was used on one of them, or one is left over',
          ),
        ],
  );
}

/** The CPUs that the host sets apart for guests alone. */
function dedicatedTo({ record }: HostScene): ReadonlySet<number> {
  return new Set(cpusOf(record?.inventory.guestCpus?.dedicated ?? []));
}

/** What the instance holds here as its own, and not as its migration's. */
function claimOf({ record }: HostScene, { id, migration }: Instance): Claim | undefined {
  return record?.claims.find((claim) => claim.instanceId === id && claim.id !== migration?.claimId);
}

function named(cpus: readonly number[]): string {
  return cpus.length === 0 ? 'no CPUs' : `CPU${cpus.length === 1 ? '' : 's'} ${cpuSetOf(cpus)}`;
}

function differs({ host }: HostScene, what: string, likelyCause: string): Finding {
  return { kind: 'PinningDiffers', host, what, likelyCause };
}
