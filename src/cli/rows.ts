import type { Candidate } from '../scheduler/candidate.ts';

/** A line of `instance list`. */
export interface InstanceRow {
  readonly id: string;
  readonly name: string;
  readonly vmState: string;
  readonly taskState: string | null;
  readonly powerState: string;
  readonly host: string | null;
  readonly flavor: string;
  readonly image: string | null;
  readonly addresses: readonly string[];
  readonly fault: string | null;
  readonly userId: string;
  readonly projectId: string;
  readonly createdAt: string;
}

/** A line of `host list`. */
export type HostRow = Pick<
  Candidate,
  'host' | 'state' | 'downReason' | 'enabled' | 'disabledReason' | 'availabilityZone' | 'capacity' | 'free'
>;

/** A line of `image list`. */
export interface ImageRow {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly diskFormat: string;
  readonly sizeBytes: number | null;
  readonly createdAt: string;
}

/** A line of `network list`. */
export interface NetworkRow {
  readonly name: string;
  readonly cidr: string;
  readonly bridge: string;
  readonly isDefault: boolean;
  /** How many addresses are given out. */
  readonly ports: number;
}

/** A line of `op list`. */
export interface OperationRow {
  readonly id: string;
  readonly type: string;
  readonly status: string;
  readonly instanceId: string | null;
  readonly attention: string | null;
  readonly startedAt: string;
  readonly endedAt: string | null;
}
