/** Refusals: the request ends its run at once, before anything is made. Public API. */
export const refusals = [
  'InvalidRequest',
  'InstanceNotFound',
  'InstanceExists',
  'InstanceBusy',
  'InvalidState',
  'InstanceLocked',
  'ImageNotFound',
  'ImageExists',
  'ImageInUse',
  'NetworkNotFound',
  'NetworkExists',
  'HostNotFound',
  'HostUnavailable',
  'ResetRefused',
  'NotParked',
  'QemuGuestAgentNotEnabled',
  'FlavorDiskTooSmall',
  'FlavorMemoryTooSmall',
  'InvalidBdmFormat',
  'Forbidden',
] as const;

/** Ends of an operation that began. Public API. */
export const ends = [
  'NoValidHost',
  'ImageUnacceptable',
  'DiskSpaceLow',
  'InstancePasswordSetFailed',
  'VirtualInterfacePlugTimeout',
  'MigrationPreCheckError',
  'DestinationDiskExists',
  'OperationFailed',
] as const;

/** Types that pass between our own processes and never leave an operation. */
export const internals = [
  /** The caller no longer holds the instance: it enters again, or stops. */
  'StaleToken',
  'DomainNotFound',
  'DomainExists',
  'DomainStateConflict',
  'DomainDefinitionRejected',
  /** The saved memory of a suspended guest is gone, or cannot be read: it is kept as it is. */
  'SavedMemoryUnusable',
  /** What was read of a disk for an image is not there any more: the host was started anew in between. */
  'SnapshotLost',
  /** A guest whose image asks for it could not be frozen for its snapshot. */
  'GuestNotQuiesced',
  'HostWorkerBusy',
  /**
   * This host cannot use an image that another one may: its store has no such file, its cache has another content under the id, or it
   * lacks a device that the image asks for. Where no host can, clients see `ImageUnacceptable`.
   */
  'ImageUnusableHere',
  /** This host has no command that makes the file system of an ephemeral disk. Where no host has, clients see `InvalidBdmFormat`. */
  'FormatUnusableHere',
  'CapacityTaken',
  'AddressTaken',
  /** Another drive has the path of one that an instance was given. */
  'DeviceDiffers',
  /** A disk or files did not come over whole: the story begins the transfer anew. */
  'TransferBroken',
  /** The hosts of a live migration lost one another after the guest had switched over: neither side is whole, both are kept. */
  'PostCopyBroken',
] as const;

export type Refusal = (typeof refusals)[number];
export type End = (typeof ends)[number];
export type Internal = (typeof internals)[number];
/** The `type` of every `ApplicationFailure` of ours. */
export type Failure = Refusal | End | Internal;

const publicTypes: ReadonlyMap<string, Refusal | End> = new Map<string, Refusal | End>([
  ...[...refusals, ...ends].map((type) => [type, type] as const),
  ['ImageUnusableHere', 'ImageUnacceptable'],
  ['FormatUnusableHere', 'InvalidBdmFormat'],
]);

/** As what a client sees a failure of this type that is the outcome of a run; null: as an `OperationFailed`. */
export function publicTypeOf(type: string | null | undefined): Refusal | End | null {
  return publicTypes.get(type ?? '') ?? null;
}

/** One field of a request that cannot be accepted, by its dotted path: `networks[0].fixedIp`. */
export interface FieldProblem {
  readonly field: string;
  readonly message: string;
}
