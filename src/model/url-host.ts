/** An address as it stands before a colon, in a URL and elsewhere: IPv6 in brackets. */
export function urlHost(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
