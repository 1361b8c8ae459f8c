import { z } from 'zod';
import { must, objectOf, reason, wholeNumber } from './fields.ts';
import { steering } from './life-requests.ts';

const park = z.exactOptional(wholeNumber(1, 1_000_000)).describe('`parked.number`; absent: the present one.');

/** The update `retry` of a parked operation; which fields `input` may have is in `parked.mayChange`. */
export const retry = objectOf({ reason, park, input: z.exactOptional(z.record(z.string(), z.unknown(), must('an object'))) });

/** The update `rollback` of a parked operation. */
export const rollback = objectOf({ reason, park });

/** The update `confirm` of a resize: what it had before goes. */
export const confirm = objectOf({});

/** The update `revert` of a resize: it has again what it had before. */
export const revert = objectOf({ reason: z.exactOptional(reason) });

/** The update `abort` of a live migration: the guest stays where it is, unless it has switched over already. */
export const abort = objectOf({});

/** The update `forceComplete` of a live migration: by post-copy where that is permitted, else by whatever pause it takes. */
export const forceComplete = objectOf({});

/** The update `setPolicy` of a live migration; bandwidth acts on memory only. */
export const setPolicy = objectOf(steering);
