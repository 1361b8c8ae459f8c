/** All workflows, and the activities that touch no host. */
export const controlQueue = 'novaflow';

/** The activities with which records wait for the end of an operation: as many slots as operations may run. */
export const watchQueue = 'novaflow/watch';

/** The sending of notifications: apart, so that a receiver that answers nothing holds up nothing else. */
export const notifyQueue = 'novaflow/notify';

/** Steps of seconds on one host. */
export function quickQueueOf(host: string): string {
  return `compute/${host}`;
}

/** Copies and conversions on one host: few slots, so that waiting for one is normal. */
export function longQueueOf(host: string): string {
  return `compute/${host}/long`;
}
