import type { Instance } from '../../../../src/model/instance.ts';
import type { FindingKind } from '../../../../src/model/verify/finding.ts';

/** Something that is made wrong by hand, and what `verify` has to say of it. */
export interface Plant {
  readonly name: string;
  readonly kind: FindingKind;
  /** Null for what is of no single host. */
  readonly host: string | null;
  readonly what: string;
  /** What is found with it and cannot be parted from it. */
  readonly also?: readonly { readonly kind: FindingKind; readonly host: string | null; readonly what: string }[];
  readonly plant: () => Promise<unknown>;
  /** Absent: the deletion of the instances removes it. */
  readonly remove?: () => Promise<unknown>;
}

/** What instances are wronged. All but `deleted` are active. */
export interface Victims {
  readonly intact: Instance;
  readonly unclaimed: Instance;
  readonly unplugged: Instance;
  readonly copied: Instance;
  readonly undefined: Instance;
  readonly frozen: Instance;
  readonly deleted: Instance;
}

/** The id of an instance and an image that no record has. */
export const nobody = '00000000-0000-4000-8000-000000000001';

/** Where a host keeps its instances, as it names the place itself. */
export const instances = '/var/lib/nova/instances';
