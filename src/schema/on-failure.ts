import { z } from 'zod';
import { oneOf } from './fields.ts';

/** What an operation does when a step is out of retries: undo what was done, or wait for a person. Every operation takes it. */
export const onFailure = z.exactOptional(oneOf(['rollback', 'park']));
