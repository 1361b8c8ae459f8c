import { z } from 'zod';
import { type End, ends, type FieldProblem, type Refusal, refusals } from '../model/failure.ts';
import { taskStates, vmStates } from '../model/instance.ts';
import { describes } from './describes.ts';
import { operationInProgress } from './instance.ts';

const field = describes<FieldProblem>()(z.strictObject({ field: z.string(), message: z.string() }));

/** Of the types that promise details, what the one details object holds. */
const promised = {
  InvalidRequest: z.strictObject({ fields: z.array(field).min(1) }),
  Forbidden: z.strictObject({ fields: z.array(field).min(1) }),
  InstanceBusy: z.strictObject({ operation: operationInProgress }),
  InvalidState: z.strictObject({ vmState: z.enum(vmStates), taskState: z.enum(taskStates).nullable() }),
  NoValidHost: z.strictObject({ hosts: z.array(z.strictObject({ host: z.string(), filter: z.string(), reason: z.string() })) }),
  OperationFailed: z.strictObject({ step: z.string(), host: z.string().nullable(), code: z.int().optional() }),
} as const satisfies Partial<Record<Refusal | End, z.ZodType>>;

/** What the details of any other type are: an object, of which nothing is promised. */
const unpromised = z.looseObject({});

/** The details object of each public failure type. */
export const failureDetails: ReadonlyMap<Refusal | End, z.ZodType> = new Map(
  [...refusals, ...ends].map((type) => [type, type in promised ? promised[type as keyof typeof promised] : unpromised]),
);

const failures = [...failureDetails].map(([type, details]) => z.strictObject({ type: z.literal(type), message: z.string(), details }));

/** The failure of a run as clients see it: an `ApplicationFailure` of one of these types with this one details object. */
export const failure = z.union(failures);
