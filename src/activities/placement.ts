import { ApplicationFailure } from '@temporalio/activity';
import type { Config } from '../config.ts';
import type { PinnedCpus } from '../model/cpus/placement.ts';
import type { Resources } from '../model/flavor.ts';
import { type Host, type IoTask, pinnedCpusOf } from '../model/host.ts';
import type { RenameClaim } from '../model/host-claims.ts';
import type { ClaimRequest, LeftByMigration, OwedRemoval, ReleaseRequest } from '../model/host-record.ts';
import { chosenHost } from '../model/instance.ts';
import type { PlacementRequest } from '../model/placement-request.ts';
import type { Token } from '../model/tenure.ts';
import { touching } from '../model/touched.ts';
import { type Candidate, candidateOf } from '../scheduler/candidate.ts';
import type { Decision, RemovedHost } from '../scheduler/decision.ts';
import { filtersWith } from '../scheduler/filters.ts';
import { type SelectOptions, selectHosts } from '../scheduler/select-host.ts';
import { weighersWith } from '../scheduler/weighers.ts';
import { candidateList } from './candidates.ts';
import { fail, queryRecord, update } from './record-client.ts';
import { type Entering, recordActivities } from './records.ts';

export interface PlacementActivities {
  /**
   * Chooses a host and its alternates, and names the choice in the instance's record before anything of the instance is there; the
   * answer is the decision with its numbers. Raises `NoValidHost`. Repeatable: another attempt may choose another host.
   */
  selectHost(input: {
    token: Token;
    instanceId: string;
    firstRunId: string;
    /** Named in the record with the host: the operation is about to take addresses there. */
    networks: readonly string[];
    wanted: PlacementRequest;
    /** Hosts that were chosen before and did not take the claim. */
    turned: readonly RemovedHost[];
  }): Promise<Decision & { readonly winner: string; readonly isNamed: true }>;
  /**
   * Chooses a host and its alternates for an instance that moves, and names it in the instance's record beside the host where it is.
   * `onlyOn`: what an administrator asked for, which the filters judge like any other. Raises `NoValidHost`. Repeatable.
   */
  selectDestination(input: {
    token: Token;
    wanted: PlacementRequest;
    turned: readonly RemovedHost[];
    onlyOn: string | null;
    /** Absent from runs of before 0.2, which named it themselves. */
    naming?: { readonly instanceId: string; readonly firstRunId: string; readonly source: string; readonly networks: readonly string[] };
  }): Promise<Decision & { readonly winner: string; readonly isNamed: true }>;
  /** Has what an instance holds on a host held by its migration. Repeatable. */
  keepClaimForMigration(input: MigrationClaim): Promise<void>;
  /** Has what a migration holds held by the instance again. Right when it holds nothing. Repeatable. */
  takeClaimBack(input: MigrationClaim): Promise<void>;
  /** Whether the host's record says that it is up. */
  lookAtHost(input: { host: string }): Promise<{ readonly isUp: boolean }>;
  /** Claims resources of a host for an instance, and answers where its vCPUs run when any has a CPU for itself; `refusal` says why it has them not. Repeatable. */
  claimResources(input: {
    token: Token;
    host: string;
    id: string;
    instanceId: string;
    resources: Resources | PlacementRequest;
    /** What the instance does that keeps the host's disks busy until it comes to rest. */
    ioTask?: IoTask;
  }): Promise<{ readonly refusal: string | null; readonly pinnedCpus?: PinnedCpus }>;
  /** Gives back what an instance holds on a host, or one claim of it. Right when it holds nothing. Repeatable. */
  releaseClaim(input: { token: Token; host: string; instanceId: string; claimId?: string; isFailedBuild?: boolean }): Promise<void>;
  /** Leaves it to a host that is away to remove an instance when it is back; what is claimed there stays claimed until then. Repeatable. */
  oweRemoval(input: { token: Token; host: string; instanceId: string; migration?: LeftByMigration }): Promise<void>;
}

/** What an instance holds on a host that it may come back to. */
interface MigrationClaim {
  readonly token: Token;
  readonly host: string;
  readonly instanceId: string;
  readonly claimId: string;
}

export function placementActivities({ scheduler }: Pick<Config, 'scheduler'>): PlacementActivities {
  const candidates = candidateList();
  const { hostSubsetSize, shuffleBestSameWeighedHosts, maxAttempts } = scheduler;
  const options: SelectOptions = {
    filters: filtersWith(scheduler),
    weighers: weighersWith(scheduler),
    maxAlternates: maxAttempts - 1,
    hostSubsetSize,
    shuffleBestSameWeighedHosts,
  };
  return {
    selectHost: async ({ wanted, turned, instanceId, firstRunId, networks }) => {
      const { winner, ...decision } = await chosen(wanted, turned, () => true);
      await name({ instanceId, firstRunId }, { step: 'selectHost', ...chosenHost(winner, networks) });
      return { ...decision, winner, isNamed: true };
    },
    selectDestination: async ({ wanted, turned, onlyOn, naming }) => {
      const { winner, ...decision } = await chosen(wanted, turned, (host) => onlyOn === null || host === onlyOn);
      if (naming !== undefined) {
        const { source, networks } = naming;
        await name(naming, { step: 'selectDestination', touches: touching([source, winner], networks) });
      }
      return { ...decision, winner, isNamed: true };
    },
    keepClaimForMigration: async ({ token: { generation }, host, instanceId, claimId }) => {
      const rename: RenameClaim = { instanceId, from: instanceId, to: claimId, generation };
      await update(`host/${host}`, 'keepForMigration', rename, gone(host));
    },
    takeClaimBack: async ({ token: { generation }, host, instanceId, claimId }) => {
      const rename: RenameClaim = { instanceId, from: claimId, to: instanceId, generation };
      const { record } = await update<{ record: Host }>(`host/${host}`, 'takeBack', rename, gone(host));
      candidates.learn(candidateOf(record));
    },
    lookAtHost: async ({ host }) => ({ isUp: (await queryRecord<Host>('host', host))?.state === 'up' }),
    claimResources: async ({ token, host, id, instanceId, resources, ioTask }) => {
      const { vcpus, memoryMiB, diskGiB } = resources;
      const claim: ClaimRequest = {
        id,
        instanceId,
        generation: token.generation,
        vcpus,
        memoryMiB,
        diskGiB,
        ...('projectId' in resources ? { projectId: resources.projectId } : {}),
        ...('dedicatedCpus' in resources && resources.dedicatedCpus !== undefined ? { dedicatedCpus: resources.dedicatedCpus } : {}),
        ...(ioTask === undefined ? {} : { ioTask }),
        ...(scheduler.multipliers.imageProperties === 0 ? {} : { imageProperties: comparedOf(resources) }),
      };
      try {
        const { record } = await update<{ record: Host }>(`host/${host}`, 'claim', claim, gone(host));
        candidates.learn(candidateOf(record));
        const cpus = record.claims.find((held) => held.id === id)?.cpus;
        return { refusal: null, ...(cpus === undefined ? {} : { pinnedCpus: pinnedCpusOf(resources, cpus) }) };
      } catch (refused) {
        return { refusal: reasonOf(refused) };
      }
    },
    releaseClaim: async ({ token, host, instanceId, claimId, isFailedBuild = false }) => {
      const id = claimId === undefined ? {} : { id: claimId };
      const release: ReleaseRequest = { instanceId, generation: token.generation, ...id, ...(isFailedBuild ? { isFailedBuild } : {}) };
      const { record } = await update<{ record: Host }>(`host/${host}`, 'release', release, gone(host));
      candidates.learn(candidateOf(record));
    },
    oweRemoval: async ({ token, host, instanceId, migration }) => {
      const removal: OwedRemoval = { instanceId, token, ...(migration === undefined ? {} : { migration }) };
      const { record } = await update<{ record: Host }>(`host/${host}`, 'owe', removal, gone(host));
      candidates.learn(candidateOf(record));
    },
  };

  async function chosen(
    wanted: PlacementRequest,
    turned: readonly RemovedHost[],
    isAllowed: (host: string) => boolean,
  ): Promise<Decision & { readonly winner: string }> {
    const turnedHosts = new Set(turned.map(({ host }) => host));
    const choose = (all: readonly Candidate[]) => {
      const eligible = all.filter(({ host }) => !turnedHosts.has(host) && isAllowed(host));
      return selectHosts(wanted, eligible, options);
    };
    const quick = choose(await candidates.recent());
    const decision = quick.winner === null ? choose(await candidates.fresh()) : quick;
    const { winner } = decision;
    if (winner === null) throw noValidHost([...turned, ...decision.removed]);
    return { ...decision, winner };
  }
}

/** Says in an instance's record what was chosen for it. */
async function name(
  { instanceId, firstRunId }: { readonly instanceId: string; readonly firstRunId: string },
  chosen: Pick<Entering, 'step' | 'changes' | 'touches'>,
): Promise<void> {
  await recordActivities.enter({ record: { kind: 'instance', id: instanceId }, firstRunId, part: 1, ...chosen });
}

/** The properties of a request's image that say how its guest is made or what runs in it. */
function comparedOf(request: Resources | PlacementRequest): Readonly<Record<string, string>> {
  const properties = 'image' in request ? (request.image?.properties ?? {}) : {};
  return Object.fromEntries(Object.entries(properties).filter(([name]) => /^(hw|os|img)_/.test(name)));
}

/** Why a claim was refused; an error that says nothing about the claim is thrown on. */
function reasonOf(refused: unknown): string {
  const isAnswer =
    refused instanceof ApplicationFailure && ['CapacityTaken', 'HostUnavailable', 'HostNotFound'].includes(refused.type ?? '');
  if (!isAnswer) throw refused;
  return refused.message;
}

function gone(host: string): ApplicationFailure {
  return fail('HostNotFound', `there is no host ${host}`);
}

function noValidHost(hosts: readonly RemovedHost[]): ApplicationFailure {
  const reasons = hosts.slice(0, 5).map(({ reason }) => reason);
  const why =
    hosts.length === 0
      ? 'no compute host has reported'
      : `${reasons.join('; ')}${hosts.length > 5 ? `; and ${hosts.length - 5} more` : ''}`;
  return fail('NoValidHost', `no host can take the instance: ${why}`, { hosts });
}
