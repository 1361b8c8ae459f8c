import type { Candidate } from './candidate.ts';
import type { Filter } from './filter.ts';

/** What operators allow hosts to take, by Nova's names of the options. */
export interface Limits {
  readonly maxIoOpsPerHost: number;
  readonly maxInstancesPerHost: number;
  readonly isolatedHosts: readonly string[];
  readonly isolatedImages: readonly string[];
  readonly restrictIsolatedHostsToIsolatedImages: boolean;
}

/** Nova's IoOpsFilter. */
export function ioOps({ maxIoOpsPerHost }: Limits): Filter {
  return {
    name: 'ioOps',
    checkFor:
      () =>
      ({ host, numIoOps }) =>
        numIoOps < maxIoOpsPerHost ? null : `${host} has ${numIoOps} instances that are built or copied, ${maxIoOpsPerHost} at most`,
  };
}

/** Nova's NumInstancesFilter. */
export function numInstances({ maxInstancesPerHost }: Limits): Filter {
  return {
    name: 'numInstances',
    checkFor:
      () =>
      ({ host, instances }) =>
        instances.length < maxInstancesPerHost ? null : `${host} has ${instances.length} instances, ${maxInstancesPerHost} at most`,
  };
}

/** Nova's IsolatedHostsFilter: isolated images run on isolated hosts only, and these take no others unless told so. */
export function isolatedHosts({ isolatedHosts: hosts, isolatedImages, restrictIsolatedHostsToIsolatedImages }: Limits): Filter {
  const isIsolated = ({ host }: Candidate) => hosts.includes(host);
  return {
    name: 'isolatedHosts',
    checkFor: ({ image }) => {
      if (hosts.length === 0 && isolatedImages.length === 0) return null;
      if (image !== undefined && isolatedImages.includes(image.id)) {
        return (candidate) => (isIsolated(candidate) ? null : `${candidate.host} is no isolated host, and the image is isolated`);
      }
      if (!restrictIsolatedHostsToIsolatedImages) return null;
      return (candidate) => (isIsolated(candidate) ? `${candidate.host} is isolated, and the image is not` : null);
    },
  };
}
