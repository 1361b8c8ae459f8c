import type { Resources } from '../model/flavor.ts';
import { capacityOf, freeOf, type Host, usedBy } from '../model/host.ts';

/** What placement has to know of a host: a host's record keeps it in its memo, so that one list call brings all candidates. */
export interface Candidate {
  readonly host: string;
  readonly state: 'up' | 'down';
  readonly downReason: string | null;
  readonly enabled: boolean;
  readonly disabledReason: string | null;
  readonly availabilityZone: string | null;
  /** What may be claimed in all, ratios and reserved amounts counted in. */
  readonly capacity: Resources;
  /** What is left of it; negative when an operator lowered a ratio below what is taken. */
  readonly free: Resources;
}

/** Everything that a candidate is made from: a host's record has it. */
export type CandidateSource = Pick<
  Host,
  'name' | 'state' | 'downReason' | 'enabled' | 'disabledReason' | 'availabilityZone' | 'inventory' | 'reserved' | 'ratios' | 'claims'
>;

/** The candidate that a host's record stands for. */
export function candidateOf(host: CandidateSource): Candidate {
  const capacity = capacityOf(host);
  return {
    host: host.name,
    state: host.state,
    downReason: host.downReason,
    enabled: host.enabled,
    disabledReason: host.disabledReason,
    availabilityZone: host.availabilityZone,
    capacity,
    free: freeOf(capacity, usedBy(host.claims)),
  };
}
