/** What is known by its ports. */
interface Plugged {
  readonly ports: readonly { readonly network: string }[];
}

/** The records in which something is of an instance that is on these hosts, and has addresses in these networks. */
export function touching(hosts: readonly string[], networks: readonly string[]): readonly string[] {
  return [...[...new Set(hosts)].map((host) => `host/${host}`), ...networks.map((name) => `network/${name}`)];
}

/** The same of an instance with its ports. */
export function touchedBy(instance: Plugged, hosts: readonly string[]): readonly string[] {
  return touching(hosts, networksOf(instance));
}

/** The networks in which an instance has addresses. */
export function networksOf({ ports }: Plugged): readonly string[] {
  return [...new Set(ports.map(({ network }) => network))];
}
