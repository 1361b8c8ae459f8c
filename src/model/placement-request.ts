import type { Wanted } from './host.ts';

/** What a request says of the hosts it wants, by Nova's names of scheduler hints. */
export interface Hints {
  /** Only hosts that run one of these instances. */
  readonly same_host?: string | readonly string[];
  /** No host that runs one of these instances. */
  readonly different_host?: string | readonly string[];
  /** Only hosts whose address is in the subnet of this one. */
  readonly build_near_host_ip?: string;
  /** The length of that subnet's prefix. @default '/24' */
  readonly cidr?: string;
}

/** What a host is wanted for (Nova's `RequestSpec`): kept in the history with the decision. */
export interface PlacementRequest extends Wanted {
  /** Absent or null: any zone. */
  readonly availabilityZone?: string | null;
  readonly projectId?: string;
  /** Of the flavor. */
  readonly extraSpecs?: Readonly<Record<string, string>>;
  readonly image?: { readonly id: string; readonly properties: Readonly<Record<string, string>> };
  readonly hints?: Hints;
}
