import { type Resources, resourcesOf } from '../flavor.ts';
import type { Claim } from '../host.ts';
import type { Instance } from '../instance.ts';
import type { Finding } from './finding.ts';
import { type HostScene, instancesHere, isBusy, isForeign, whereabouts, whyForeign } from './scene.ts';

/** Claims that are of no instance here, instances without a claim, and claims of another size than the instance's flavor. */
export function claimFindings(scene: HostScene): readonly Finding[] {
  const { host, record } = scene;
  const claims = record?.claims ?? [];
  const claimed = new Set(claims.map(({ instanceId }) => instanceId));
  const missing = instancesHere(scene)
    .filter(({ id }) => !claimed.has(id))
    .map(
      ({ id, name }): Finding => ({
        kind: 'ClaimMissing',
        host,
        what: `instance ${id} has no claim`,
        likelyCause: `${name} is here and its resources are counted as free: two instances may get them`,
      }),
    );
  const own = claims.filter(({ id, instanceId }) => scene.instances.get(instanceId)?.instance.migration?.claimId !== id);
  return [...missing, ...unkept(scene, claims), ...own.flatMap((claim, index) => ofClaim(scene, claim, isRepeated(own, index)))];
}

function isRepeated(claims: readonly Claim[], index: number): boolean {
  return claims.slice(0, index).some(({ instanceId }) => instanceId === claims[index]?.instanceId);
}

/** Instances that came from here and may come back, for which nothing is kept. */
function unkept({ host, instances, since }: HostScene, claims: readonly Claim[]): readonly Finding[] {
  return [...instances.values()].flatMap(({ instance }): readonly Finding[] => {
    const { id, name, migration, vmState } = instance;
    const isKept = claims.some((claim) => claim.id === migration?.claimId);
    if (migration?.source !== host || vmState !== 'resized' || isBusy(instance, since) || isKept) return [];
    const likelyCause = `${name} is resized and may come back, and what it had here is counted as free`;
    return [{ kind: 'ClaimMissing', host, what: `instance ${id} has no claim of its migration`, likelyCause }];
  });
}

function ofClaim(scene: HostScene, claim: Claim, isSecond: boolean): readonly Finding[] {
  const { host, instances } = scene;
  const { id, instanceId } = claim;
  const what = `claim ${id} of instance ${instanceId}: ${sizeOf(claim)}`;
  if (isForeign(scene, instanceId)) return [{ kind: 'UnknownClaim', host, what, likelyCause: whyForeign(scene, instanceId) }];
  const instance = instances.get(instanceId)?.instance;
  if (instance === undefined || whereabouts(scene, instanceId) !== 'here') return [];
  if (isSecond) return [{ kind: 'UnknownClaim', host, what, likelyCause: 'the instance has another claim here: a resize left this' }];
  const due = dueTo(scene, instance);
  if (due === null || sizeOf(due) === sizeOf(claim)) return [];
  const likelyCause = `flavor ${instance.flavor.name} takes ${sizeOf(due)}: a resize left the claim of the flavor before`;
  return [{ kind: 'ClaimDiffers', host, what, likelyCause }];
}

/** What the instance takes, or null when only its image's record, which is gone, could tell. */
function dueTo({ images }: HostScene, { flavor, image: imageId }: Instance): Resources | null {
  if (flavor.rootGiB !== 0) return resourcesOf(flavor, 0);
  const image = images.get(imageId ?? '');
  return image === undefined ? null : resourcesOf(flavor, image.virtualSizeBytes ?? image.sizeBytes ?? 0);
}

function sizeOf({ vcpus, memoryMiB, diskGiB }: Resources): string {
  return `${vcpus} vCPUs, ${memoryMiB} MiB memory, ${diskGiB} GiB disk`;
}
