import { isAway } from './outcome.ts';

/** Does the undo of something that ends by itself on a host that is away: its worker sees to it when it is back. */
export async function thoughAway(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (failure) {
    if (!isAway(failure)) throw failure;
  }
}
