import { log } from '@temporalio/activity';
import type { Config } from '../../config.ts';
import { ErrorCode, isLibvirtError, type Libvirt, LibvirtError } from '../../libvirt/index.ts';
import { migrationFlags } from '../../model/live-migration/flags.ts';
import { whyNotAnew } from '../../model/live-migration/last-try.ts';
import { mayLosePages } from '../../model/live-migration/lost-pages.ts';
import { type GuestHardware, hardwareIn, whyUnmovable } from '../../model/live-migration/movable.ts';
import { combinationProblem, type MigrationPolicy, policyOf, type WantedMigration } from '../../model/live-migration/policy.ts';
import type { GuestSight, SourceEnd } from '../../model/live-migration/sight.ts';
import type { Token } from '../../model/tenure.ts';
import { fail } from '../fail.ts';
import { guestOf } from '../guest.ts';
import type { WhileHolding } from '../holding.ts';
import { run } from '../run.ts';
import { requireCertificate } from '../transfer/certificate.ts';
import { endedMigration, ranOn } from './end.ts';
import { lastTryIn, migrationNotes } from './note.ts';
import { sightOf, sightWithFigures } from './sight.ts';
import { flagsOf, type MigrationTarget, migrateUri } from './start.ts';
import type { RunBeside } from './unblock.ts';
import { type MigrationWishActivities, migrationWishActivities } from './wish.ts';

/** A guest that can move, and how it will. */
export interface MovableGuest extends GuestHardware {
  readonly isPaused: boolean;
  readonly policy: MigrationPolicy;
}

export interface MigrationSourceActivities extends MigrationWishActivities {
  /**
   * What the destination has to know of the guest, and how it will be moved; `diskBytes`: sizes of the disks that are copied. Raises
   * `MigrationPreCheckError` when it is off, may have gone on elsewhere, has what belongs to its host, or is to be moved as QEMU refuses.
   * Changes nothing.
   */
  checkGuestMoves(input: {
    token: Token;
    instanceId: string;
    wanted: WantedMigration;
    diskBytes: readonly number[];
  }): Promise<MovableGuest>;
  /** Has this host's libvirtd connect to the destination's as for the migration. Raises `MigrationPreCheckError` with what it says. Changes nothing. */
  reachDestination(input: { token: Token; instanceId: string; target: MigrationTarget; policy: MigrationPolicy }): Promise<void>;
  /**
   * Ends a migration that nobody follows any more, and answers how: one that has switched over is waited for, any other is aborted, one that
   * broke off after its switch is `broken` at once. Right whatever there is; a cancel ends the wait. Repeatable.
   */
  endMigration(input: { token: Token; instanceId: string }): Promise<{ readonly end: SourceEnd | 'broken' }>;
  /**
   * Has a guest run on that stands still since its memory was sent. Only when nobody runs it at the destination, nor ever will. Raises
   * `DomainStateConflict` for one that has switched over: what it has here is old. Repeatable.
   */
  runOn(input: { token: Token; instanceId: string }): Promise<void>;
  /** What the guest is here, with what its last migration cost. Changes nothing. */
  sightOfGuest(input: { instanceId: string }): Promise<GuestSight>;
  /** Forgets what was kept of migrations of the guest. Repeatable. */
  forgetMigration(input: { token: Token; instanceId: string }): Promise<void>;
}

/** A disk that no guest has: libvirt finds that out when it has connected, and before it does anything. */
const noDisk = 'novaflow-none';

export function migrationSourceActivities(
  libvirt: Libvirt,
  whileHolding: WhileHolding,
  config: Pick<Config, 'runDir' | 'liveMigration' | 'pkiDir' | 'host'>,
  runBeside: RunBeside = run,
): MigrationSourceActivities {
  const { runDir, liveMigration } = config;
  return {
    checkGuestMoves: async ({ instanceId, wanted, diskBytes }) => {
      await guestOf(libvirt, instanceId).requireOurs();
      if (liveMigration.tls) await requireCertificate(config);
      const { state, job } = await sightOf(libvirt, instanceId);
      const gone = whyNotAnew({ state, job }, lastTryIn(await migrationNotes(runDir, instanceId).read()));
      if (gone !== null) throw refused(`the guest ${gone}`);
      if (state === 'off' || state === 'absent') throw refused('the guest is off: it is migrated cold');
      if (job !== 'none') throw refused(`its guest is busy with another job (${job})`);
      const xml = await libvirt.domainGetXmlDesc({ dom: { uuid: instanceId } });
      const hardware = hardwareIn(xml);
      const fixed = whyUnmovable(xml);
      if (fixed.length > 0) throw refused(`the guest has ${fixed.join(' and ')}, which does not move`);
      const isPaused = state !== 'running';
      // libvirt refuses post-copy of a paused guest, which changes none of its memory and needs none.
      const asked = isPaused ? { ...wanted, postCopy: false } : wanted;
      const policy = policyOf(liveMigration, asked, { memoryMiB: hardware.memoryMiB, diskBytes });
      const problem = combinationProblem(policy);
      if (problem !== null) throw refused(problem);
      await warnOfLostPages(instanceId, { ...hardware, isPaused });
      return { ...hardware, isPaused, policy };
    },

    reachDestination: async ({ instanceId, target, policy }) => {
      const flags = flagsOf(migrationFlags({ ...policy, postCopy: false }, { copied: 'overlays', isShared: true })); // whether disks are safe is not asked
      const params = [
        { field: 'migrate_uri', type: 'string', value: migrateUri(target.address) },
        { field: 'migrate_disks', type: 'string', value: noDisk },
      ] as const;
      try {
        const dom = { uuid: instanceId };
        await libvirt.domainMigratePerform3Params({ dom, destinationUri: target.uri, params, cookie: Buffer.alloc(0), flags });
      } catch (error) {
        if (isLibvirtError(error, ErrorCode.invalidArg)) return;
        if (!(error instanceof LibvirtError)) throw error;
        throw refused(`libvirtd of ${config.host.name} does not reach ${target.uri}: ${error.message}`);
      }
    },

    ...migrationWishActivities(libvirt, runDir),

    endMigration: ({ token, instanceId }) =>
      whileHolding(instanceId, token, async () => ({
        end: await endedMigration(libvirt, instanceId, migrationNotes(runDir, instanceId), runBeside),
      })),

    runOn: ({ token, instanceId }) => whileHolding(instanceId, token, () => ranOn(libvirt, instanceId, migrationNotes(runDir, instanceId))),

    sightOfGuest: ({ instanceId }) => sightWithFigures(libvirt, instanceId),

    forgetMigration: ({ token, instanceId }) => whileHolding(instanceId, token, () => migrationNotes(runDir, instanceId).forget()),
  };

  async function warnOfLostPages(instanceId: string, { virtType, isPaused }: Omit<MovableGuest, 'policy'>): Promise<void> {
    if (isPaused || !mayLosePages({ virtType, qemuVersion: await libvirt.connectGetVersion({}) })) return;
    log.warn('the guest runs without KVM: QEMU before 9.0 may damage its memory in a live migration', { instanceId });
  }
}

function refused(why: string): Error {
  return fail('MigrationPreCheckError', why);
}
