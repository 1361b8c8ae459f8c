import { dedicatedCpusOf } from '../../model/cpus/policy.ts';
import { type Flavor, resourcesOf } from '../../model/flavor.ts';
import type { Host } from '../../model/host.ts';
import type { Instance } from '../../model/instance.ts';
import type { PlacementRequest } from '../../model/placement-request.ts';
import { fail, queryRecord } from '../record-client.ts';
import type { BootImages } from './images.ts';

/** What an instance is to find on its host. */
export function placementOf(
  { availabilityZone, projectId }: Pick<Instance, 'availabilityZone' | 'projectId'>,
  flavor: Flavor,
  { root, properties }: BootImages,
): PlacementRequest {
  const dedicatedCpus = dedicatedCpusOf({ properties, extraSpecs: flavor.extraSpecs, vcpus: flavor.vcpus });
  return {
    ...resourcesOf(flavor, root.virtualSizeBytes),
    ...(dedicatedCpus === null ? {} : { dedicatedCpus }),
    availabilityZone,
    projectId,
    extraSpecs: flavor.extraSpecs,
    image: { id: root.id, properties },
  };
}

/** Raises `HostNotFound`, `HostUnavailable` when the host that was asked for takes nothing. */
export async function requireHost(name: string): Promise<void> {
  const host = await queryRecord<Host>('host', name);
  if (host === null) throw fail('HostNotFound', `there is no host ${name}`);
  if (host.state === 'down') throw fail('HostUnavailable', `${name} is down: ${host.downReason}`);
}
