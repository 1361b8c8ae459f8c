import { z } from 'zod';
import { must, objectOf, reason, wholeNumber } from './fields.ts';

const park = z.exactOptional(wholeNumber(1, 1_000_000)).describe('`parked.number`; absent: the present one.');

/** The update `retry` of a parked operation; which fields `input` may have is in `parked.mayChange`. */
export const retry = objectOf({ reason, park, input: z.exactOptional(z.record(z.string(), z.unknown(), must('an object'))) });

/** The update `rollback` of a parked operation. */
export const rollback = objectOf({ reason, park });

/** The update `confirm` of a resize: what it had before goes. */
export const confirm = objectOf({});

/** The update `revert` of a resize: it has again what it had before. */
export const revert = objectOf({ reason: z.exactOptional(reason) });
