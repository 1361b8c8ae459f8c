import type { Host } from '../host.ts';
import type { Image, ImageStatus } from '../image.ts';
import type { Instance } from '../instance.ts';
import type { Network } from '../network.ts';
import type { HostListing } from './listing.ts';

/** An instance's record as it was read after the host was listed. */
export interface SeenInstance {
  readonly instance: Instance;
  /** Whether the run that holds it is open; true when nobody holds it. */
  readonly isHolderOpen: boolean;
}

/** A host as it was found, and the records that have to account for it. */
export interface HostScene {
  readonly host: string;
  /** When the listing began: what changed since then is not judged. */
  readonly since: string;
  readonly record: Host | null;
  readonly listing: HostListing;
  /** The instances of this host and all that the listing or a claim names, by id. */
  readonly instances: ReadonlyMap<string, SeenInstance>;
  /** All images, by id. */
  readonly imageStatus: ReadonlyMap<string, ImageStatus>;
  /** The images that instances in the scene were made from, by id. */
  readonly images: ReadonlyMap<string, Image>;
  /** The images that an operation brings to hosts, by id, with what boots them. */
  readonly caching: ReadonlySet<string>;
  /** By name. */
  readonly networks: ReadonlyMap<string, Network>;
}

/**
 * How an instance stands to a host.
 * - `here`: its record says that it is on this host, and nobody changes that.
 * - `left`: it is resized and came from this host, which keeps what it had until that is decided.
 * - `busy`: an operation holds it, or held it since the listing began, so that what is found may be on its way.
 * - `broken`: an operation was terminated; whatever it left, here or on the host that it was going to, is found by the delete. Or the host
 *   owes its removal.
 * - `elsewhere`, `deleted`, `unknown`: nothing of it belongs here.
 */
export type Whereabouts = 'here' | 'left' | 'busy' | 'broken' | 'elsewhere' | 'deleted' | 'unknown';

/** Where an instance is, as seen from the scene's host. */
export function whereabouts(
  { instances, host, since, record }: Pick<HostScene, 'instances' | 'host' | 'since' | 'record'>,
  id: string,
): Whereabouts {
  if (record?.debts.some(({ instanceId }) => instanceId === id) === true) return 'broken';
  const instance = instances.get(id)?.instance;
  if (instance === undefined) return 'unknown';
  if (isBusy(instance, since)) return 'busy';
  if (instance.vmState === 'deleted') return 'deleted';
  if (instance.host === host) return instance.vmState === 'error' ? 'broken' : 'here';
  if (instance.migration?.source === host && instance.vmState === 'resized') return 'left';
  return wasTerminated(instance) ? 'broken' : 'elsewhere';
}

/** Its operation may have been at work on any host. */
function wasTerminated({ vmState, recent }: Instance): boolean {
  return vmState === 'error' && recent.at(-1)?.end === 'terminated';
}

/** Whether an operation holds the instance, or held it at any moment after `since`. */
export function isBusy({ operation, open, vmState, updatedAt }: Instance, since: string): boolean {
  // A resize that waits for its decision does nothing meanwhile.
  return operation !== null || (open !== null && vmState !== 'resized') || updatedAt >= since;
}

/** The instances that are on the scene's host. */
export function instancesHere(scene: HostScene): readonly Instance[] {
  return instancesThatAre(scene, ['here']);
}

/** The instances that stand so to the scene's host. */
export function instancesThatAre(scene: HostScene, standings: readonly Whereabouts[]): readonly Instance[] {
  return [...scene.instances.values()].map(({ instance }) => instance).filter(({ id }) => standings.includes(whereabouts(scene, id)));
}

/** Whether nothing of the instance belongs on the scene's host. */
export function isForeign(scene: HostScene, id: string): boolean {
  return ['elsewhere', 'deleted', 'unknown'].includes(whereabouts(scene, id));
}

/** Why nothing of the instance belongs on the scene's host, as a sentence. */
export function whyForeign({ instances }: Pick<HostScene, 'instances'>, id: string): string {
  const instance = instances.get(id)?.instance;
  if (instance === undefined) return `there is no record of instance ${id}: it was made by hand, or its record is lost`;
  const { name, vmState, host } = instance;
  if (vmState === 'deleted') return `instance ${name} is deleted: its deletion or an attempt that came late left this`;
  return host === null
    ? `instance ${name} is ${vmState} and on no host: the undo of an operation left this`
    : `instance ${name} is on ${host}: a migration, or a host that came back, left this`;
}

/** The images an instance stands on, by id: its own and what it boots with. */
export function imagesOf({ images }: Pick<HostScene, 'images'>, instance: Instance): readonly string[] {
  const image = images.get(instance.image ?? '');
  return [instance.image, image?.kernelId ?? null, image?.ramdiskId ?? null].filter((id) => id !== null);
}
