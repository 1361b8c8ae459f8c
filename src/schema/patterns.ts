/** Ids, in lower case as everything of ours writes them. */
export const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** A DNS label in lower case: names of hosts, which become part of queue names. */
export const dnsLabel = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** What may name a network: it is a part of its record's id. */
export const networkName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** A network interface of Linux (IFNAMSIZ less one). */
export const interfaceName = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,14}$/;

/** The only form of a content checksum. */
export const checksum = /^sha256:[0-9a-f]{64}$/;

// Refused in names: C0, DEL and C1; line and paragraph separators; what turns the direction of writing around, so that a list cannot be
// made to lie; lone surrogates and the two non-characters that XML 1.0 cannot hold.
const outside = '\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff\\ufffe\\uffff';

/** One line of 1 to 255 characters, at least one of them no space: names and keys. */
export const lineOfText = new RegExp(`^(?=.*[^ ])[^\\u0000-\\u001f${outside}]{1,255}$`, 'u');

/** Text of at most `maxLength` characters that may have tabs and lines. */
export function text(minLength: number, maxLength: number): RegExp {
  return new RegExp(`^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f${outside}]{${minLength},${maxLength}}$`, 'u');
}

/**
 * Where an image comes from: `file:` and a path that has no `..` in it, which is what follows as it stands; or an https URL without
 * credentials, which the history would keep, and without a fragment.
 */
export const imageSource = new RegExp(
  `^(?:(?!.*[:/]\\.\\.(?:/|$))file:[^\\u0000-\\u001f${outside}]{1,1024}|https://[^\\s/?#@\\\\]{1,255}(?:[/?][\\u0021\\u0024-\\u005b\\u005d-\\u007e]{0,2048})?)$`,
  'u',
);

/** An absolute path in a guest of at most 255 characters, in which no part is `.`, `..` or empty. */
export const pathInGuest = new RegExp(`^(?=.{2,255}$)(?:/(?!\\.{1,2}(?:/|$))[^/\\u0000-\\u001f${outside}]+)+$`, 'u');
