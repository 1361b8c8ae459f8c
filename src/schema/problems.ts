import type { z } from 'zod';
import type { FieldProblem } from '../model/failure.ts';

type Issue = z.core.$ZodIssue;

const maxKeyCharacters = 64;

/** Each field that a schema refused, with a sentence that completes "<field> …"; of a union, those of the alternative that was meant. */
export function problemsOf(error: z.core.$ZodError): FieldProblem[] {
  return error.issues.flatMap(problemsOfIssue);
}

/** The path of a field as people write it: `networks[0].fixedIp`; a key of a map that is no plain word is quoted. */
export function dottedPath(path: readonly PropertyKey[]): string {
  const whole = path.map(segment).join('');
  return whole.startsWith('.') ? whole.slice(1) : whole;
}

function segment(key: PropertyKey): string {
  if (typeof key === 'number') return `[${key}]`;
  const text = String(key);
  if (/^[A-Za-z_][\w-]{0,63}$/.test(text)) return `.${text}`;
  const clipped = text.length > maxKeyCharacters ? `${text.slice(0, maxKeyCharacters)}…` : text;
  return `[${JSON.stringify(clipped)}]`;
}

function problemsOfIssue(issue: Issue): FieldProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ field: dottedPath([...issue.path, key]), message: 'is not a known field' }));
  }
  if (issue.code === 'invalid_union') {
    const meant = meantBranch(issue.errors);
    if (meant !== null) return meant.flatMap((inner) => problemsOfIssue({ ...inner, path: [...issue.path, ...inner.path] }));
  }
  const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
  return [{ field: dottedPath(issue.path), message }];
}

/** The one alternative of a union that the value has the form of, so that its own problems are the ones to name. */
function meantBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | null {
  const candidates = branches.filter((issues) => !issues.some(isOfAnotherForm));
  return candidates.length === 1 ? (candidates[0] ?? null) : null;
}

function isOfAnotherForm({ code, path }: Issue): boolean {
  return path.length === 0 && (code === 'invalid_type' || code === 'invalid_value');
}
