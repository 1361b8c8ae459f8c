import {
  CancellationScope,
  CancelledFailure,
  defineQuery,
  proxyActivities,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { AcceptCacheActivities, CacheHost } from '../activities/accept/cache-image.ts';
import type { ControlActivities } from '../activities/control.ts';
import type { HostLongActivities } from '../activities/host.ts';
import type { OperationView } from '../model/operation.ts';
import { searchAttributes as attribute } from '../model/search-attributes.ts';
import { longOn, onControl } from './activities.ts';
import { type Journal, journal } from './journal.ts';
import { isSilence, messageOf, outcomeOf } from './outcome.ts';

/** What became of an image on each host. Public API. */
export interface CachedImage {
  readonly imageId: string;
  readonly hosts: readonly CachedOnHost[];
}

interface CachedOnHost {
  readonly host: string;
  readonly state: 'cached' | 'failed';
  readonly reason: string | null;
}

const { acceptCacheImage } = proxyActivities<AcceptCacheActivities>(onControl.options);

/**
 * Brings an image to hosts before a build needs it there, to some of them at the same time. A host that fails is told in the
 * result and keeps no other from it. Nothing is held: cancelled it leaves what is whole, which goes with its age.
 */
export async function cacheImage(request: unknown): Promise<CachedImage> {
  const run = CancellationScope.current();
  const book = journal();
  setHandler(defineQuery<OperationView>('operation'), () => ({
    type: 'cacheImage',
    instanceId: null,
    step: book.steps().at(-1)?.name ?? null,
    steps: book.steps(),
    parked: null,
  }));
  try {
    const { imageId, images, hosts, concurrency } = await acceptCacheImage({ request });
    upsertSearchAttributes([{ key: attribute.objectName, value: imageId }]);

    const fetched = await someAtATime(hosts, concurrency, (host) => fetchOn(host));
    if (run.consideredCancelled) throw new CancelledFailure('cacheImage was cancelled');

    book.say('cacheImage: completed');
    return { imageId, hosts: fetched };

    async function fetchOn({ host, unusable }: CacheHost): Promise<CachedOnHost> {
      if (unusable !== null) return { host, state: 'failed', reason: unusable };
      try {
        await written(book, host, () => fetchWhileUp(host, images));
        return { host, state: 'cached', reason: null };
      } catch (failure) {
        return { host, state: 'failed', reason: messageOf(failure) };
      }
    }
  } catch (failure) {
    throw outcomeOf(failure, { step: 'acceptCacheImage', host: null });
  }
}

async function written(book: Journal, host: string, fetch: () => Promise<void>): Promise<void> {
  const close = book.open('fetchBases', host);
  book.say('cacheImage: fetchBases');
  try {
    await fetch();
    close('done');
  } catch (failure) {
    close('waiting');
    throw failure;
  }
}

/** A host that is up and takes nothing for a minute has its slots full: it is asked again. */
async function fetchWhileUp(host: string, images: Parameters<HostLongActivities['fetchBases']>[0]['images']): Promise<void> {
  const { fetchBases } = proxyActivities<HostLongActivities>({ ...longOn(host).options, summary: `cacheImage on ${host}` });
  const { lookAtHost } = proxyActivities<ControlActivities>(onControl.options);
  for (;;) {
    try {
      return await fetchBases({ token: null, images });
    } catch (failure) {
      if (!isSilence(failure) || !(await lookAtHost({ host })).isUp) throw failure;
    }
  }
}

/** The results of `work` on all items in their order, on at most `width` of them at the same time. A cancelled run begins no other. */
async function someAtATime<Item, Result>(items: readonly Item[], width: number, work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = items.entries();
  const worker = async () => {
    for (const [index, item] of waiting) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  return results;
}
