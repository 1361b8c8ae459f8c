import { z } from 'zod';
import * as patterns from './patterns.ts';

/** Why a value is refused, in words for people: a missing one and null in their own, any other by what it must be. */
export function must(expectation: string, missing = 'is required'): { error: (issue: { readonly input?: unknown }) => string } {
  return {
    error: ({ input }) => {
      if (input === undefined) return missing;
      if (input === null) return 'must not be null: a field without a value is left out';
      return `must be ${expectation}`;
    },
  };
}

/** A string that matches `pattern`, refused by saying what it must be. */
export function textOf(pattern: RegExp, expectation: string, missing?: string): z.ZodString {
  const sentence = must(expectation, missing);
  return z.string(sentence).regex(pattern, sentence);
}

/** The name of something, or what takes its place in a refusal when there is none. */
export function nameOf(missing?: string): z.ZodString {
  return textOf(patterns.lineOfText, 'one line of 1 to 255 characters, without control characters', missing);
}

/** A whole number within two limits, both of which a refusal names. */
export function wholeNumber(min: number, max: number): z.ZodInt {
  const sentence = must(`a whole number from ${min} to ${max}`);
  return z.int(sentence).min(min, sentence).max(max, sentence);
}

/** One of the strings given. */
export function oneOf<const T extends readonly [string, ...string[]]>(values: T): z.ZodEnum<{ [K in T[number]]: K }> {
  return z.enum(values, must(list(values)));
}

/** One of `supported`; those of `later` belong to the contract and are not built yet. */
export function notYetOneOf<const T extends readonly [string, ...string[]]>(
  supported: T,
  later: readonly string[],
): z.ZodEnum<{ [K in T[number]]: K }> {
  return z.enum(supported, {
    error: ({ input }) =>
      typeof input === 'string' && later.includes(input)
        ? `${JSON.stringify(input)} is not supported yet: give ${list(supported)}`
        : must(list(supported)).error({ input }),
  });
}

/** An object with these fields and no others; `expectation` says what it is when something else was given. */
export function objectOf<T extends z.ZodRawShape>(shape: T, expectation = 'an object'): z.ZodObject<T, z.core.$strict> {
  return z.strictObject(shape, must(expectation));
}

/** A field of the contract that is not built yet: refused when given, never ignored. */
export function notYet(): z.ZodExactOptional<z.ZodNever> {
  return z.exactOptional(z.never({ error: 'is not supported yet' })).describe('Not supported yet.');
}

/** True or false, and nothing that only looks like it. */
export const flag = z.boolean(must('true or false'));
/** An id. */
export const id = textOf(patterns.uuid, 'a UUID in lower case');
/** A name, or what refers to something by its name. */
export const name = nameOf();
/** The name of a compute host. */
export const hostName = textOf(patterns.dnsLabel, 'the name of a host: 1 to 63 of a-z, 0-9 and "-"');
/** The name of a network. */
export const networkName = textOf(patterns.networkName, 'the name of a network: 1 to 63 of letters, digits, ".", "_" and "-"');
/** An address of IPv4, without a prefix. */
export const ipv4 = z.ipv4(must('an IPv4 address'));
/** A moment. */
export const time = z.iso.datetime({ precision: 3, ...must('a time in UTC with milliseconds, such as 2026-11-27T09:30:00.000Z') });
/** Why somebody decided something; it is kept in the history, and of a resize that is reverted in the record. */
export const reason = textOf(patterns.text(1, 500), 'text of 1 to 500 characters, without control characters');

const maxEntries = 64;

/** At most 64 strings by key, in which a tenant keeps what it likes. */
export const stringMap = z
  .record(
    z.string().regex(patterns.lineOfText, 'is a key that is refused: one line of 1 to 255 characters, without control characters'),
    textOf(patterns.text(0, 1024), 'text of at most 1024 characters, without control characters'),
    must('an object of strings'),
  )
  .refine((map) => Object.keys(map).length <= maxEntries, `must have at most ${maxEntries} entries`)
  .meta({ maxProperties: maxEntries });

function list(values: readonly string[]): string {
  const quoted = values.map((value) => JSON.stringify(value));
  const last = quoted.pop();
  return quoted.length === 0 ? `${last}` : `${quoted.join(', ')} or ${last}`;
}
