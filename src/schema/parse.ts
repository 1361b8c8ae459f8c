import type { z } from 'zod';
import type { FieldProblem } from '../model/failure.ts';
import { problemsOf } from './problems.ts';
import { whyUndecodable } from './undecodable.ts';

/** The largest request, as the bytes of its JSON. */
export const maxRequestBytes = 128 * 1024;

const maxDepth = 32;

/** A refusal lists no more problems than this: it is a failure's detail, and histories keep it. */
const maxProblems = 20;

/** What a problem names when no single field is at fault. */
const wholeRequest = 'request';

/** A request that may be acted on, or why it may not. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fields: readonly FieldProblem[] };

/**
 * Reads the argument of an operation, whatever a client sent: a value that the schema allows, or each field at fault with a sentence
 * that completes "<field> …". Never throws, and repeats nothing of what was sent but keys.
 */
export function parseRequest<S extends z.ZodType>(schema: S, value: unknown): Parsed<z.output<S>> {
  const unfit = whyUnfit(value);
  if (unfit !== null) return { ok: false, fields: [{ field: wholeRequest, message: unfit }] };
  const parsed = schema.safeParse(value);
  return parsed.success ? { ok: true, value: parsed.data } : { ok: false, fields: firstOf(problemsOf(parsed.error)) };
}

/** A refused request as one line for people: `flavor.vcpus must be a whole number from 1 to 512; zone is not a known field`. */
export function sentenceOf(fields: readonly FieldProblem[]): string {
  return fields.map(({ field, message }) => `${field} ${message}`).join('; ');
}

function whyUnfit(value: unknown): string | null {
  if (value === undefined) return 'is required: one JSON object';
  const undecodable = whyUndecodable(value);
  if (undecodable !== null) return `could not be decoded: ${undecodable}`;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be one JSON object';
  const flaw = flawBelow(value, 0);
  if (flaw !== null) return flaw;
  const bytes = Buffer.byteLength(JSON.stringify(value));
  return bytes > maxRequestBytes ? `must be at most ${maxRequestBytes} bytes of JSON, has ${bytes}` : null;
}

/** What must not reach a schema: nesting that would end the stack, and a key that objects cannot hold, which would be dropped unsaid. */
function flawBelow(value: unknown, depth: number): string | null {
  if (typeof value !== 'object' || value === null) return null;
  if (depth === maxDepth) return `must not be nested more than ${maxDepth} deep`;
  if (Object.hasOwn(value, '__proto__')) return 'must not have a key "__proto__"';
  for (const inner of Object.values(value)) {
    const flaw = flawBelow(inner, depth + 1);
    if (flaw !== null) return flaw;
  }
  return null;
}

/** The first problem of each field, as many as a refusal lists. */
function firstOf(problems: readonly FieldProblem[]): FieldProblem[] {
  const byField = new Map<string, string>();
  for (const { field, message } of problems) if (!byField.has(field)) byField.set(field, message);
  const all = [...byField].map(([field, message]) => ({ field: field || wholeRequest, message }));
  const more = all.length - maxProblems;
  return more > 0 ? [...all.slice(0, maxProblems), { field: wholeRequest, message: `has ${more} more problems` }] : all;
}
