import type { Finding } from './finding.ts';
import type { ListedBlockJob } from './listing.ts';
import { type HostScene, instancesHere, isForeign, whereabouts, whyForeign } from './scene.ts';

/** Domains that libvirt does not know, those that no record accounts for, and those that are in another state. */
export function domainFindings(scene: HostScene): readonly Finding[] {
  return [...missing(scene), ...unknown(scene), ...inAnotherState(scene), ...runningTwice(scene)];
}

/** Guests that run where their instance came from: it lives elsewhere until its resize is reverted. */
function runningTwice(scene: HostScene): readonly Finding[] {
  const { host, listing } = scene;
  return listing.domains
    .filter(({ instanceId, powerState }) => powerState !== 'shutdown' && whereabouts(scene, instanceId) === 'left')
    .map(({ instanceId, powerState }) => ({
      kind: 'PowerStateDiffers',
      host,
      what: `instance ${instanceId} is ${powerState} at the source of its migration`,
      likelyCause: 'somebody started it with virsh: switch it off before anything else, it may run elsewhere too',
    }));
}

/** Block jobs that no operation follows, and guests whose QEMU does not say what its jobs do. */
export function blockJobFindings(scene: HostScene): readonly Finding[] {
  return scene.listing.domains
    .filter(({ instanceId }) => whereabouts(scene, instanceId) !== 'busy')
    .flatMap(
      ({ instanceId, blockJobs }) => blockJobs?.map((job) => unknownBlockJob(scene, instanceId, job)) ?? [silence(scene, instanceId)],
    );
}

function unknownBlockJob({ host }: HostScene, instanceId: string, { disk, job }: ListedBlockJob): Finding {
  const what = `block ${job} on disk ${disk} of instance ${instanceId}`;
  const likelyCause =
    'a migration that ended without its job, or a snapshot, whose the next one ends: else abort it with virsh blockjob --abort';
  return { kind: 'UnknownBlockJob', host, what, likelyCause };
}

function silence({ host }: HostScene, instanceId: string): Finding {
  const likelyCause = 'its QEMU hangs: look whether it is stopped, and whether the storage of its disks answers';
  return { kind: 'GuestSilent', host, what: `QEMU of instance ${instanceId} does not answer`, likelyCause };
}

function missing(scene: HostScene): readonly Finding[] {
  const { host, listing } = scene;
  const known = new Set(listing.domains.map(({ instanceId }) => instanceId));
  return instancesHere(scene)
    .filter(({ id }) => !known.has(id))
    .map(({ id, name, vmState }) => ({
      kind: 'DomainMissing',
      host,
      what: `instance ${id} has no domain`,
      likelyCause: `the record says that ${name} is ${vmState} here: somebody undefined its domain, or the host was installed anew`,
    }));
}

function unknown(scene: HostScene): readonly Finding[] {
  const { host, listing } = scene;
  return listing.domains
    .filter(({ instanceId }) => isForeign(scene, instanceId))
    .map(({ instanceId, powerState }) => ({
      kind: 'UnknownDomain',
      host,
      what: `domain of instance ${instanceId}, ${powerState}`,
      likelyCause: whyForeign(scene, instanceId),
    }));
}

function inAnotherState(scene: HostScene): readonly Finding[] {
  const { host, listing, instances } = scene;
  return listing.domains.flatMap(({ instanceId, powerState }): readonly Finding[] => {
    const instance = instances.get(instanceId)?.instance;
    if (instance === undefined || whereabouts(scene, instanceId) !== 'here' || instance.powerState === powerState) return [];
    const what = `instance ${instanceId} is ${powerState}, its record says ${instance.powerState}`;
    return [{ kind: 'PowerStateDiffers', host, what, likelyCause: causeOfState(powerState) }];
  });
}

function causeOfState(powerState: string): string {
  if (powerState === 'shutdown') return 'the guest powered itself off, its QEMU crashed, or the host was restarted';
  return 'somebody used virsh on the guest: operations keep the record and the hypervisor together';
}
