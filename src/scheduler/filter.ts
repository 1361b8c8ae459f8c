import type { PlacementRequest } from '../model/placement-request.ts';
import type { Candidate } from './candidate.ts';

/** Lets a host pass (null), or says in a sentence why it cannot take the request. */
export type Check = (candidate: Candidate) => string | null;

/** What takes hosts away from which a request cannot be served. */
export interface Filter {
  /** The name that decisions and `NoValidHost` show. */
  readonly name: string;
  /** The check of one request; null when the request wants nothing of the sort, and every host passes. */
  readonly checkFor: (request: PlacementRequest) => Check | null;
}
