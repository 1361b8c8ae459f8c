/** The size of an instance. A record keeps a copy: changing a flavor never changes an instance. */
export interface Flavor {
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMiB: number;
  /** 0: the image's own size, not grown. */
  readonly rootGiB: number;
  readonly ephemeralGiB: number;
  readonly swapMiB: number;
  readonly extraSpecs: Readonly<Record<string, string>>;
}

/** What an instance takes from a host. */
export interface Resources {
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly diskGiB: number;
}

/**
 * What an instance of `flavor` takes from its host: root, ephemeral and swap count as disk, as Nova counts them.
 * A flavor whose root is the image's own size takes the image's virtual size, rounded up.
 */
export function resourcesOf(flavor: Flavor, imageVirtualSizeBytes: number): Resources {
  const rootGiB = flavor.rootGiB === 0 ? Math.ceil(imageVirtualSizeBytes / 1024 ** 3) : flavor.rootGiB;
  return {
    vcpus: flavor.vcpus,
    memoryMiB: flavor.memoryMiB,
    diskGiB: rootGiB + flavor.ephemeralGiB + Math.ceil(flavor.swapMiB / 1024),
  };
}

/** The flavors every installation has; configuration adds to them. */
export const builtInFlavors: readonly Flavor[] = [
  flavor('m1.tiny', 1, 512, 1),
  flavor('m1.small', 1, 2048, 20),
  flavor('m1.medium', 2, 4096, 40),
  flavor('m1.large', 4, 8192, 80),
  flavor('lab.tiny', 1, 128, 1),
];

function flavor(name: string, vcpus: number, memoryMiB: number, rootGiB: number): Flavor {
  return { name, vcpus, memoryMiB, rootGiB, ephemeralGiB: 0, swapMiB: 0, extraSpecs: {} };
}
