import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { literal } from '../model/list-query.ts';
import { searchAttributes } from '../model/search-attributes.ts';
import { type Candidate, completed } from '../scheduler/candidate.ts';
import { copyingStates } from '../scheduler/copying-states.ts';

/** The hosts to choose from, as their records wrote them into their memos. */
export interface Candidates {
  /** Quickly; a second old, or as many times older as a fleet takes to list. The claim decides: a stale choice costs an attempt, never a double claim. */
  readonly recent: () => Promise<readonly Candidate[]>;
  /** As lists show them now. */
  readonly fresh: () => Promise<readonly Candidate[]>;
  /** What a host's record answered to a claim: newer than any list. */
  readonly learn: (candidate: Candidate) => void;
}

const freshMs = 1_000;
/** A list is made anew when it is this many times as old as it took to make: of a thousand hosts it takes 0.2 s, a twentieth of the time at most. */
const renewFactor = 20;
/** And it is used until it is this many times as old: no build waits for a list that can be made beside it. */
const useFactor = 50;

interface Listed {
  readonly at: number;
  readonly tookMs: number;
  readonly candidates: readonly Candidate[];
  /** How many instances are copied on a host: no host's record knows of it. */
  readonly copied: ReadonlyMap<string, number>;
}

/** One list for all who ask in this process. A list that is old but usable is made anew beside the work, not in its way. */
export function candidateList(): Candidates {
  let listed: Listed | null = null;
  let underWay: Promise<Listed> | null = null;
  let isRenewalDue = false;

  return {
    fresh: async () => (await list(Context.current().client)).candidates,
    recent: async () => {
      const by = Context.current().client;
      if (listed === null || isOlder(listed, useFactor)) return (await list(by)).candidates;
      if (isOlder(listed, renewFactor)) renewSoon(by);
      return listed.candidates;
    },
    learn: (candidate) => {
      if (listed === null) return;
      const { candidates, copied } = listed;
      const learnt = withCopies(candidate, copied);
      listed = { ...listed, candidates: candidates.map((one) => (one.host === candidate.host ? learnt : one)) };
    },
  };

  /** One of a crowd of builds renews the list, a moment later: they are all at their hosts by then. */
  function renewSoon(by: Client): void {
    if (isRenewalDue) return;
    isRenewalDue = true;
    const renew = () => {
      isRenewalDue = false;
      void list(by).catch(() => {});
    };
    setTimeout(renew, freshMs).unref();
  }

  function list(by: Client): Promise<Listed> {
    underWay ??= listCandidates(by)
      .then((made) => {
        listed = made;
        return made;
      })
      .finally(() => {
        underWay = null;
      });
    return underWay;
  }
}

/** A list is good for a second, whatever it took. */
function isOlder({ at, tookMs }: Listed, factor: number): boolean {
  return performance.now() - at > Math.max(freshMs, factor * tookMs);
}

async function listCandidates(by: Client): Promise<Listed> {
  const at = performance.now();
  const [hosts, copied] = await Promise.all([listHosts(by), listCopied(by)]);
  return { at, tookMs: performance.now() - at, candidates: hosts.map((host) => withCopies(host, copied)), copied };
}

async function listHosts(by: Client): Promise<readonly Candidate[]> {
  const candidates: Candidate[] = [];
  const query = "WorkflowType = 'host' AND ExecutionStatus = 'Running'";
  for await (const { memo } of by.workflow.list({ query, pageSize: 1000 })) {
    // Written by the host's record, and by nobody else.
    const candidate = memo?.['candidate'] as Candidate | undefined;
    if (candidate !== undefined) candidates.push(completed(candidate));
  }
  return candidates;
}

/** Counted by the host where an instance is: for one that moves, its source. */
async function listCopied(by: Client): Promise<ReadonlyMap<string, number>> {
  const copied = new Map<string, number>();
  const states = copyingStates.map(literal).join(', ');
  const query = `WorkflowType = 'instance' AND ExecutionStatus = 'Running' AND TaskState IN (${states})`;
  for await (const { typedSearchAttributes } of by.workflow.list({ query, pageSize: 1000 })) {
    const host = typedSearchAttributes.get(searchAttributes.computeHost);
    if (host !== undefined) copied.set(host, (copied.get(host) ?? 0) + 1);
  }
  return copied;
}

function withCopies(candidate: Candidate, copied: ReadonlyMap<string, number>): Candidate {
  return { ...candidate, numIoOps: candidate.numIoOps + (copied.get(candidate.host) ?? 0) };
}
