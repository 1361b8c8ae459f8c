/** Stands for a payload that could not be decoded, so that the request is refused instead of its run being stuck. */
export interface Undecodable {
  readonly 'novaflow:undecodable': string;
}

const key = 'novaflow:undecodable' satisfies keyof Undecodable;

/** The stand-in for a payload; `why` completes the sentence "could not be decoded: …". Plain JSON, so it passes from workflow to activity. */
export function undecodable(why: string): Undecodable {
  return { [key]: why };
}

/** Why the payload could not be decoded, or null when `value` is a decoded one. */
export function whyUndecodable(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return null;
  return String(Reflect.get(value, key));
}
