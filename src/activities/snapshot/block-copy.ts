import { setTimeout } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { BlockCopy, BlockJobStatus, ErrorCode, ErrorDomain, isLibvirtError, type Libvirt, LibvirtError } from '../../libvirt/index.ts';
import { type JobOwner, jobOwner } from '../../model/live-copy.ts';
import { copyTargetXml, type LiveDisk, liveDiskOf } from '../../model/live-disk.ts';
import { isNoDomain } from '../failures.ts';
import { tellProgress } from '../progress.ts';

/** The copy of a running guest's disk that QEMU makes (`virDomainBlockCopy`). It goes on whatever becomes of libvirtd and of this worker. */
export interface BlockCopyJob {
  /** The disk as it is now. */
  readonly disk: () => Promise<LiveDisk>;
  /** Whose job the disk has, seen by the operation that makes the image `imageId`. */
  readonly owner: (directory: string, imageId: string) => Promise<JobOwner>;
  /** Begins to copy the disk into a file that is there: what lies above its base, or all of it where it has none. */
  readonly begin: (path: string, hasBase: boolean) => Promise<void>;
  /** Follows a copy that runs. */
  readonly follow: () => Promise<FollowedCopy>;
  /** Ends whatever runs; the guest stays on its own disk. Right when nothing does. */
  readonly end: () => Promise<void>;
}

/** A copy that somebody waits for. */
export interface FollowedCopy extends Disposable {
  /** Resolves to true when the copy is complete and follows the disk, false when there is none any more. Progress in bytes. */
  readonly whenReady: () => Promise<boolean>;
  /** Ends a copy that is ready: it stays what the disk was at this moment. Raises what libvirt says when there is none. */
  readonly complete: () => Promise<void>;
  /** Whether a copy that was completed is whole. QEMU may have failed with the last of it, which libvirt tells by an event alone. */
  readonly isWhole: () => Promise<boolean>;
}

const pollMs = 200;
/** Events come on another connection than answers do, some before and some after. */
const eventPatienceMs = 10_000;

/** @param target the guest's name of the disk: `vda` */
export function blockCopyOf(libvirt: Libvirt, uuid: string, target: string): BlockCopyJob {
  const dom = { uuid };
  const disk = async () => liveDiskOf(await libvirt.domainGetXmlDesc({ dom }), target);
  return {
    disk,
    owner: async (directory, imageId) => {
      const { found } = await libvirt.domainGetBlockJobInfo({ dom, path: target });
      return jobOwner(found, (await disk()).mirror, directory, imageId);
    },
    begin: async (path, hasBase) => {
      // The job does not outlive the guest, so that the domain may stay defined.
      const flags = BlockCopy.transientJob | BlockCopy.reuseExternal | (hasBase ? BlockCopy.shallow : 0);
      await libvirt.domainBlockCopy({ dom, path: target, destinationXml: copyTargetXml(path), params: [], flags });
    },
    follow,
    end: async () => {
      try {
        await libvirt.domainBlockJobAbort({ dom, path: target });
      } catch (error) {
        if (!isOver(error)) throw error;
      }
    },
  };

  async function follow(): Promise<FollowedCopy> {
    const ended = Promise.withResolvers<number>();
    let news = Promise.withResolvers<void>();
    const unsubscribe = await libvirt.subscribe('blockJob', (event) => {
      if (event.dom.uuid !== uuid || event.target !== target) return;
      if (event.status !== BlockJobStatus.ready) ended.resolve(event.status);
      news.resolve();
      news = Promise.withResolvers();
    });
    return {
      whenReady: async () => {
        const { cancellationSignal: signal } = Context.current();
        const seen = unlessQemuEnds(mirrorNow);
        for (;;) {
          signal.throwIfAborted();
          const { promise: heard } = news;
          const mirror = await seen();
          if (mirror === null || mirror?.isReady === true) return mirror !== null;
          await Promise.race([heard, setTimeout(pollMs, undefined, { signal })]);
        }
      },
      complete: () => libvirt.domainBlockJobAbort({ dom, path: target }),
      isWhole: async () => {
        const patience = new AbortController();
        const silence = setTimeout(eventPatienceMs, BlockJobStatus.failed, { signal: patience.signal });
        silence.catch(() => {});
        const status = await Promise.race([ended.promise, silence]);
        patience.abort();
        return status !== BlockJobStatus.failed;
      },
      [Symbol.dispose]: unsubscribe,
    };
  }

  /** Null when there is none, or the guest is off. */
  async function mirrorNow(): Promise<LiveDisk['mirror']> {
    try {
      const { found, current, end } = await libvirt.domainGetBlockJobInfo({ dom, path: target });
      if (!found) return null;
      tellProgress({ step: `copy ${target}`, doneBytes: Number(current), totalBytes: Number(end) });
      return (await disk()).mirror;
    } catch (error) {
      if (isOver(error)) return null;
      throw error;
    }
  }
}

/** How long libvirt may take to notice that a QEMU has ended. */
const noticeMs = 10_000;

/** Asks; undefined while libvirt says that it lost QEMU, which it is then about to notice. Raises what it says when it does not. */
function unlessQemuEnds<Answer>(ask: () => Promise<Answer>): () => Promise<Answer | undefined> {
  let since: number | null = null;
  return async () => {
    try {
      const answer = await ask();
      since = null;
      return answer;
    } catch (error) {
      since ??= performance.now();
      if (!isOfMonitor(error) || performance.now() - since > noticeMs) throw error;
      return undefined;
    }
  };
}

/** What libvirt says when QEMU ends while it is asked: end of file, or a connection that was reset. */
function isOfMonitor(error: unknown): boolean {
  const codes: readonly number[] = [ErrorCode.internalError, ErrorCode.systemError];
  return error instanceof LibvirtError && error.domain === ErrorDomain.qemu && codes.includes(error.code);
}

/** Whether the guest is off, or its disk has no job: libvirt 9 says `VIR_ERR_INVALID_ARG`, others `VIR_ERR_OPERATION_INVALID`. */
function isOver(error: unknown): boolean {
  const { invalidArg, operationInvalid } = ErrorCode;
  return isNoDomain(error) || isLibvirtError(error, operationInvalid) || isLibvirtError(error, invalidArg);
}
