import type { HardwareWishes } from './hardware.ts';

/** How a guest's processors are arranged. */
export interface Topology {
  readonly sockets: number;
  readonly cores: number;
  readonly threads: number;
}

const dimensions = ['sockets', 'cores', 'threads'] as const;

/**
 * The arrangement that Nova chooses: of all that multiply to the number of vCPUs within the limits, the one that meets most of
 * what is preferred, then the one with the fewest threads, then with the most sockets. Null when nothing is said of it.
 */
export function topologyOf(wishes: HardwareWishes): Topology | null {
  const constraints = constraintsOf(wishes);
  return constraints.isAsked ? (best(wishes.vcpus, constraints) ?? null) : null;
}

/** Why no arrangement can be chosen, as a sentence, or null. */
export function topologyProblem(wishes: HardwareWishes): string | null {
  const { isAsked, image, flavorLimit, limit } = constraintsOf(wishes);
  const above = (counts: Topology, limits: Topology) => dimensions.find((name) => counts[name] > limits[name]);
  const limitAbove = above(image.limit, flavorLimit);
  if (limitAbove !== undefined) return `has a hw_cpu_max_${limitAbove} above the ${flavorLimit[limitAbove]} of the flavor`;
  const preferredAbove = above(image.preferred, limit);
  if (preferredAbove !== undefined) return `has a hw_cpu_${preferredAbove} above the limit of ${limit[preferredAbove]}`;
  if (!isAsked || best(wishes.vcpus, constraintsOf(wishes)) !== undefined) return null;
  return `limits its CPUs so that ${wishes.vcpus} vCPUs cannot be arranged`;
}

interface Constraints {
  readonly isAsked: boolean;
  readonly image: { readonly limit: Topology; readonly preferred: Topology };
  readonly flavorLimit: Topology;
  readonly limit: Topology;
  readonly preferred: Topology;
}

/** Nova's `_get_cpu_topology_constraints`: an image narrows what its flavor allows, and one preference of its own takes the place of all of the flavor's. */
function constraintsOf({ properties, extraSpecs }: HardwareWishes): Constraints {
  const image = { limit: counts(properties, 'hw_cpu_max_'), preferred: counts(properties, 'hw_cpu_') };
  const flavor = { limit: counts(extraSpecs, 'hw:cpu_max_'), preferred: counts(extraSpecs, 'hw:cpu_') };
  const flavorLimit = perDimension((name) => flavor.limit[name] || Number.POSITIVE_INFINITY);
  const limit = perDimension((name) => image.limit[name] || flavorLimit[name]);
  const flavorFits = dimensions.every((name) => flavor.preferred[name] <= limit[name]);
  const none = perDimension(() => 0);
  return {
    isAsked: [image.limit, image.preferred, flavor.limit, flavor.preferred].some(isSet),
    image,
    flavorLimit,
    limit,
    preferred: isSet(image.preferred) ? image.preferred : flavorFits ? flavor.preferred : none,
  };
}

function best(vcpus: number, { limit, preferred }: Constraints): Topology | undefined {
  const upTo = (name: keyof Topology) => Array.from({ length: Math.min(vcpus, limit[name]) }, (_, index) => index + 1);
  const possible = upTo('sockets').flatMap((sockets) =>
    upTo('cores').flatMap((cores) => {
      const threads = vcpus / (sockets * cores);
      return Number.isInteger(threads) && threads <= limit.threads ? [{ sockets, cores, threads }] : [];
    }),
  );
  const met = (topology: Topology) => dimensions.filter((name) => topology[name] === preferred[name]).length;
  return possible.sort((a, b) => met(b) - met(a) || a.threads - b.threads || b.sockets - a.sockets)[0];
}

function counts(from: Readonly<Record<string, string>>, prefix: string): Topology {
  return perDimension((name) => Number(from[`${prefix}${name}`] ?? 0));
}

function perDimension(count: (name: keyof Topology) => number): Topology {
  return { sockets: count('sockets'), cores: count('cores'), threads: count('threads') };
}

function isSet(topology: Topology): boolean {
  return dimensions.some((name) => topology[name] !== 0);
}
