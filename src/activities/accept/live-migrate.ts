import type { Config } from '../../config.ts';
import type { BlockMigration } from '../../model/live-migration/arrivals.ts';
import { combinationProblem, policyOf, type WantedMigration } from '../../model/live-migration/policy.ts';
import type { PlacementRequest } from '../../model/placement-request.ts';
import type { RemovedHost } from '../../scheduler/decision.ts';
import { fail } from '../record-client.ts';
import { placementOf, requireHost } from './destination.ts';
import { type AcceptedGuest, hostOf } from './guest.ts';
import { type BootImages, bootImages } from './images.ts';
import { type AcceptInput, invalid, parsed } from './parse.ts';
import { begun } from './take-over.ts';
import { visibleInstance } from './whose.ts';

export interface AcceptedLiveMigration extends AcceptedGuest {
  readonly image: BootImages;
  readonly wanted: PlacementRequest;
  /** Hosts that it must not come to, and why. */
  readonly turned: readonly RemovedHost[];
  /** What an administrator asked for, or null. */
  readonly onlyOn: string | null;
  readonly blockMigration: BlockMigration;
  readonly diskOverCommit: boolean;
  /** How it is to go on; what is not asked for is as its source is configured. */
  readonly asked: WantedMigration;
  /** Whether what need not wait for one another is asked at the same time. Absent in runs of before 0.2. */
  readonly asksAtOnce?: true;
  /** Whether the guest is looked at beside the choice of its destination, so that both hosts are asked all else at once. Absent in runs of before 0.2. */
  readonly looksEarly?: true;
}

export interface AcceptLiveMigrationActivities {
  /** Checks a live migration and takes the instance. Raises every refusal with nothing touched. Repeatable. */
  acceptLiveMigration(input: AcceptInput): Promise<AcceptedLiveMigration>;
}

export function acceptLiveMigrationActivities({ liveMigration }: Pick<Config, 'liveMigration'>): AcceptLiveMigrationActivities {
  return {
    acceptLiveMigration: async ({ request, firstRunId }) => {
      const {
        instanceId,
        host: onlyOn = null,
        blockMigration = 'auto',
        diskOverCommit = false,
        onFailure = 'rollback',
        ...asked
      } = parsed('liveMigrateInstance', request);
      requireCombination(asked);
      const before = await visibleInstance(instanceId);
      if (before.image === null) throw fail('ImageNotFound', `instance ${before.name} has no image`);
      const [{ image }] = await Promise.all([bootImages(before.image), onlyOn === null ? null : requireHost(onlyOn)]);
      if (onlyOn !== null && onlyOn === before.host) throw invalid('host', 'is where the instance is: a migration goes to another host');

      const type = 'liveMigrateInstance';
      const { token, record: instance } = await begun({ type, action: type, instanceId, firstRunId });
      const host = hostOf(instance);
      return {
        ...{ token, onFailure, instance, host, image, onlyOn, blockMigration, diskOverCommit, asked },
        ...{ asksAtOnce: true, looksEarly: true, letsGoEarly: true, hearsOfEachBreak: true },
        wanted: placementOf(instance, instance.flavor, image),
        turned: [{ host, filter: 'source', reason: `${host}: a migration goes to another host` }],
      };
    },
  };

  /** What the source will be asked again, with its own configuration: here with that of the cloud, before the instance is taken. */
  function requireCombination(asked: WantedMigration): void {
    const problem = combinationProblem(policyOf(liveMigration, asked, { memoryMiB: 0, diskBytes: [] }));
    if (problem !== null && asked.postCopy === true) throw invalid('postCopy', `cannot be had so: ${problem}`);
  }
}
