/**
 * What a comparison of records and hosts may find. `Unknown…`: a host or a record has it and no record accounts for it.
 * `…Missing`: a record accounts for it and it is not there. `…Differs`: it is there, and not as the record says.
 */
export const findingKinds = [
  'HostSilent',
  'HostStateDiffers',
  'DomainMissing',
  'UnknownDomain',
  'PowerStateDiffers',
  'PinningDiffers',
  'GuestSilent',
  'UnknownBlockJob',
  'FileMissing',
  'UnknownFile',
  'DeviceMissing',
  'DeviceDiffers',
  'UnknownDevice',
  'TapMissing',
  'TapDiffers',
  'UnknownTap',
  'FilterBindingMissing',
  'UnknownFilterBinding',
  'UnknownLoopDevice',
  'UnknownProcess',
  'ClaimMissing',
  'ClaimDiffers',
  'UnknownClaim',
  'AddressMissing',
  'UnknownAddress',
  'ClosedHolder',
  'UnknownOperation',
] as const;

export type FindingKind = (typeof findingKinds)[number];

/** One thing that is not as the records say. Public API. */
export interface Finding {
  readonly kind: FindingKind;
  /** Where it is; null for what belongs to no host, or to several. */
  readonly host: string | null;
  /** The thing, named so that the same thing has the same words in every comparison. */
  readonly what: string;
  /** A sentence for operators: what usually leaves this, and what removes it. */
  readonly likelyCause: string;
}

/** The findings of `later` that `earlier` has too, each once: what only passed by is in one of them. */
export function lasting(earlier: readonly Finding[], later: readonly Finding[]): readonly Finding[] {
  const before = new Set(earlier.map(keyOf));
  return [...new Map(later.map((finding) => [keyOf(finding), finding])).values()].filter((finding) => before.has(keyOf(finding)));
}

function keyOf({ kind, host, what }: Finding): string {
  return JSON.stringify([kind, host, what]);
}
