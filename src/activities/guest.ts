import { ApplicationFailure, Context } from '@temporalio/activity';
import { DomainState, ErrorCode, isLibvirtError, type Libvirt, MetadataType } from '../libvirt/index.ts';
import { METADATA_NAMESPACE } from '../model/domain.ts';
import { isNoDomain } from './failures.ts';

/** The domain of an instance, as effects on it need it. */
export interface Guest {
  /** libvirt's state, or null when there is no domain. */
  readonly state: () => Promise<number | null>;
  /** libvirt's number for this run of its QEMU; another after every start. */
  readonly runNumber: () => Promise<number>;
  /** Switches it off; one that somebody starts meanwhile is switched off again, so that it is off when this resolves. */
  readonly switchOff: () => Promise<void>;
  /** Raises `DomainStateConflict` for a domain that somebody else made: it is never touched. */
  readonly requireOurs: () => Promise<void>;
}

/** Whether QEMU runs no guest: it ended by itself, was switched off, or was saved. */
export function isOff(state: number | null): boolean {
  return state === null || state === DomainState.shutoff;
}

export function guestOf(libvirt: Libvirt, uuid: string): Guest {
  const dom = { uuid };
  const state = async () => {
    try {
      return (await libvirt.domainGetState({ dom })).state;
    } catch (error) {
      if (isNoDomain(error)) return null;
      throw error;
    }
  };
  return {
    state,
    runNumber: async () => (await libvirt.domainLookupByUuid({ uuid })).id,
    switchOff: async () => {
      const { cancellationSignal } = Context.current();
      while (!isOff(await state())) {
        cancellationSignal.throwIfAborted();
        await unlessStopped(libvirt.domainDestroyFlags({ dom }));
      }
    },
    requireOurs: async () => {
      try {
        await libvirt.domainGetMetadata({ dom, type: MetadataType.element, uri: METADATA_NAMESPACE });
      } catch (error) {
        if (!isLibvirtError(error, ErrorCode.noDomainMetadata)) throw error;
        throw ApplicationFailure.nonRetryable(
          `domain ${uuid} is not ours: it has no metadata of ${METADATA_NAMESPACE}`,
          'DomainStateConflict',
        );
      }
    },
  };
}

/** A guest that stopped between the look and the call is what was wanted. */
export async function unlessStopped(call: Promise<void>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isLibvirtError(error, ErrorCode.operationInvalid) && !isNoDomain(error)) throw error;
  }
}
