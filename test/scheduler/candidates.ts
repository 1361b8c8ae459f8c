import type { Candidate } from '../../src/scheduler/candidate.ts';

/** A host that is up, enabled and empty: 8 vCPUs, 4096 MiB, 100 GiB. */
export function candidate(host: string, changes: Partial<Candidate> = {}): Candidate {
  const capacity = { vcpus: 8, memoryMiB: 4096, diskGiB: 100 };
  return {
    host,
    state: 'up',
    downReason: null,
    enabled: true,
    disabledReason: null,
    availabilityZone: null,
    capacity,
    free: capacity,
    ...changes,
  };
}
