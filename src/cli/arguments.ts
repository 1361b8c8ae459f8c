import { InvalidArgumentError, Option } from '@commander-js/extra-typings';

/** The option of every command that follows an operation. */
export const noWait = ['--no-wait', 'start the operation and print its id'] as const;

/** What becomes of a step that is out of retries; `otherwise`: what does when nobody says. */
export function onFailure(otherwise: string | null = null) {
  const said = otherwise === null ? '' : ` (default: ${otherwise})`;
  return new Option('--on-failure <what>', `when a step is out of retries${said}`).choices(['rollback', 'park'] as const);
}

/** Gathers the values of an option that may be given several times. */
export function each(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Gathers `key=value` pairs; a key that comes again has its last value. */
export function pairs(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be key=value.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** A whole number as people type it. Limits are the request's to say. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}
