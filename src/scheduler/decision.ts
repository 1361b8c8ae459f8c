/** One weigher's part in a host's total. */
export interface Weight {
  readonly weigher: string;
  readonly raw: number;
  readonly normalised: number;
  readonly multiplier: number;
  /** `normalised × multiplier`. */
  readonly weight: number;
}

export interface RankedHost {
  readonly host: string;
  readonly total: number;
  /** Empty when it was the only host left: then nothing is weighed, as in Nova. */
  readonly weights: readonly Weight[];
}

export interface RemovedHost {
  readonly host: string;
  readonly filter: string;
  readonly reason: string;
}

/** Which host was chosen and why: plain data for a history, short for any number of hosts. */
export interface Decision {
  /** Null when no host was left. */
  readonly winner: string | null;
  /** Where to go next when the winner's record refuses the claim, best first. */
  readonly alternates: readonly string[];
  /** How many hosts there were to choose from. Older decisions do not tell. */
  readonly candidates?: number;
  /** The names of the filters in the order in which they ran. Older decisions do not tell. */
  readonly filters?: readonly string[];
  /** The best hosts with their weights, at most `maxRanked`. */
  readonly ranked: readonly RankedHost[];
  /** The first hosts that were removed, at most `maxRemoved`. */
  readonly removed: readonly RemovedHost[];
  /** How many hosts each filter removed, those that `removed` leaves out too. */
  readonly removedBy: Readonly<Record<string, number>>;
}
