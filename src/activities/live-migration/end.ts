import { setTimeout } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { ErrorCode, isLibvirtError, type Libvirt } from '../../libvirt/index.ts';
import { isRestoredPaused } from '../../model/live-migration/last-try.ts';
import { endAtSource, type SourceEnd } from '../../model/live-migration/sight.ts';
import { fail } from '../fail.ts';
import { isNoDomain } from '../failures.ts';
import { lastTryIn, type MigrationNotes } from './note.ts';
import { sightOf } from './sight.ts';
import { leftAlone, type RunBeside, unblocking } from './unblock.ts';

const pollMs = 100;

/**
 * Ends a migration that nobody follows any more, and answers how: one that has switched over is waited for, any other is aborted. One that
 * broke off after its switch is `broken`, and stays so. Raises the cancel of who waits.
 */
export async function endedMigration(
  libvirt: Libvirt,
  uuid: string,
  notes: MigrationNotes,
  runBeside: RunBeside,
): Promise<SourceEnd | 'broken'> {
  const { cancellationSignal } = Context.current();
  const note = await notes.read();
  const { answered } = note?.mayPostCopy === false ? unblocking(uuid, runBeside) : leftAlone;
  for (;;) {
    const sight = await answered(sightOf(libvirt, uuid));
    const end = endAtSource(sight, isRestoredPaused(lastTryIn(note)));
    if (end !== 'moving') {
      // Who is paused and restored later is not taken for a guest whose memory was sent.
      if (end !== 'broken' && note?.end === null) await notes.write({ ...note, end: { end, reason: null } });
      return end;
    }
    cancellationSignal.throwIfAborted();
    if (!sight.isSwitched) await answered(libvirt.domainAbortJob({ dom: { uuid } })).catch(unlessOver);
    await setTimeout(pollMs);
  }
}

/** Has a guest run on that stands still since its memory was sent. Raises `DomainStateConflict` for one that has switched over. */
export async function ranOn(libvirt: Libvirt, uuid: string, notes: MigrationNotes): Promise<void> {
  const { state } = await sightOf(libvirt, uuid);
  if (state === 'broken')
    throw fail('DomainStateConflict', `the guest of ${uuid} has switched over to another host: its memory here is old`);
  if (state === 'held') await libvirt.domainResume({ dom: { uuid } });
  const note = await notes.read();
  if (note !== null) await notes.write({ ...note, end: { end: 'here', reason: note.end?.reason ?? null } });
}

/** What ended, or switched over, meanwhile. */
function unlessOver(error: unknown): void {
  if (!isLibvirtError(error, ErrorCode.operationInvalid) && !isNoDomain(error)) throw error;
}
