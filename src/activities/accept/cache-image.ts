import type { Config } from '../../config.ts';
import type { Host } from '../../model/host.ts';
import { namesOf } from '../listing.ts';
import { fail, queryRecord } from '../record-client.ts';
import { activeImage, activeImages, type ImageRef, refOf } from './images.ts';
import { parsed } from './parse.ts';

/** A host that is to have an image, or why it cannot. */
export interface CacheHost {
  readonly host: string;
  readonly unusable: string | null;
}

/** What is to be brought where. */
export interface AcceptedCache {
  readonly imageId: string;
  /** The image and what boots with it: a build wants all of them. */
  readonly images: readonly ImageRef[];
  readonly hosts: readonly CacheHost[];
  /** How many hosts fetch at the same time. */
  readonly concurrency: number;
}

export interface AcceptCacheActivities {
  /** The images and hosts that a request means. Raises `InvalidRequest`, `ImageNotFound`, `HostNotFound`, `HostUnavailable`. */
  acceptCacheImage(input: { request: unknown }): Promise<AcceptedCache>;
}

export function acceptCacheActivities({ imageCache }: Pick<Config, 'imageCache'>): AcceptCacheActivities {
  return {
    acceptCacheImage: async ({ request }) => {
      const { imageId, hosts } = parsed('cacheImage', request);
      const image = await activeImage(imageId);
      const booted = [image.kernelId, image.ramdiskId].filter((id) => id !== null);
      const images = [image, ...(await activeImages(booted))].map(refOf);
      const chosen = hosts === undefined ? await hostsThatAreUp() : await Promise.all([...new Set(hosts)].map(hostNamed));
      return { imageId, images, hosts: chosen, concurrency: imageCache.precacheConcurrency };
    },
  };
}

async function hostsThatAreUp(): Promise<readonly CacheHost[]> {
  const names = await namesOf('host', "ObjectState = 'up'");
  if (names.length === 0) throw fail('HostUnavailable', 'no compute host is up and enabled: start a compute worker, or name a host');
  return names.map((host) => ({ host, unusable: null }));
}

/** A disabled host is one that an operator may want to prepare. */
async function hostNamed(name: string): Promise<CacheHost> {
  const record = await queryRecord<Host>('host', name);
  if (record === null) throw fail('HostNotFound', `there is no host ${name}`);
  return { host: name, unusable: record.state === 'down' ? `host ${name} is down: ${record.downReason}` : null };
}
