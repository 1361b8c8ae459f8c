import type { Secrets } from '../../src/model/secrets.ts';

const script = '#!/bin/sh\necho canary-of-user-data\n';
const motd = 'canary-of-a-file\n';

/** Secrets that are found wherever they lie. */
export const secrets = {
  adminPassword: 'canary-of-a-password',
  userData: Buffer.from(script).toString('base64'),
  files: [{ path: '/etc/canary-of-a-path', contentsBase64: Buffer.from(motd).toString('base64') }],
} as const satisfies Secrets;

const texts = [secrets.adminPassword, script.trim(), motd.trim(), secrets.files[0].path];

/** The secrets as they may be written down: as they are, in JSON, in base64, and in the base64 of a JSON. */
const forms: readonly Buffer[] = [
  ...texts.flatMap((text) => [text, JSON.stringify(text).slice(1, -1)]),
  ...[secrets.userData, secrets.files[0].contentsBase64].map((text) => text.replace(/=+$/, '')),
  ...texts.flatMap(inBase64),
].map((text) => Buffer.from(text));

/** Which of the canaries are in these bytes. */
export function canariesIn(bytes: Buffer): string[] {
  return [...new Set(forms.filter((form) => bytes.includes(form)).map((form) => form.toString()))];
}

/** Base64 of a text depends on where in the whole it begins; what all encodings of the whole have in common, for each of three places. */
function inBase64(text: string): string[] {
  return [0, 1, 2].map((offset) => {
    const encoded = Buffer.from(`${' '.repeat(offset)}${text}`).toString('base64');
    return encoded.slice(offset === 0 ? 0 : 4, Math.floor(((offset + text.length) * 8) / 6) - 1);
  });
}
