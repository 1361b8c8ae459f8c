/** The longest label of RFC 1123. */
const MAX_LABEL = 63;

/**
 * The host name of a guest, made from the name that its owner gave: one label of RFC 1123.
 * Accents go, other characters become one hyphen; a name of which nothing is left becomes `vm-` and 8 characters of the id.
 */
export function hostnameOf(name: string, instanceId: string): string {
  const label = name
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-/, '')
    .slice(0, MAX_LABEL)
    .replace(/-$/, '');
  return label === '' ? `vm-${instanceId.slice(0, 8)}` : label;
}
