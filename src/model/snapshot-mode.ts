import type { DiskKind, PowerState } from './instance.ts';

/** How a request wants a snapshot taken: `auto` takes it live where that is possible. */
export const snapshotModes = ['auto', 'live', 'cold'] as const;
export type WantedSnapshotMode = (typeof snapshotModes)[number];

/** `live`: the guest runs on while its disk is copied. `cold`: the disk is read while the guest is off or saved. */
export type SnapshotMode = 'live' | 'cold';

/** All that decides how a snapshot is taken. */
export interface SnapshotCircumstances {
  readonly wanted: WantedSnapshotMode;
  /** The type of the domain, as libvirt has it. */
  readonly hypervisor: string;
  readonly backend: DiskKind;
  /** Whether the guest's ephemeral storage is encrypted. */
  readonly isEncrypted: boolean;
  /** The host's `disableLiveSnapshot`. */
  readonly isLiveDisabled: boolean;
  readonly powerState: PowerState;
  /** libvirt's code for an abort of the disk's block job, of which there is none; null: it was not asked, or had nothing to say. */
  readonly probeCode: number | null;
}

export interface SnapshotDecision {
  readonly mode: SnapshotMode;
  /** Why it is not taken live, each a clause; empty when it is. */
  readonly reasons: readonly string[];
  /** Why what was asked for is impossible, as a sentence whose subject is the mode, or null. */
  readonly refusal: string | null;
}

/** `VIR_ERR_CONFIG_UNSUPPORTED`: this QEMU has no block jobs. Any other answer says nothing: that there is no job is 8 in libvirt 9, and 55 in others. */
const noBlockJobs = 67;

const hypervisors: ReadonlySet<string> = new Set(['kvm', 'qemu']);

/** How a snapshot is taken, as Nova decides it in `LibvirtDriver.snapshot`, with the reasons. */
export function snapshotMode(circumstances: SnapshotCircumstances): SnapshotDecision {
  const { wanted } = circumstances;
  const obstacles = obstaclesTo(circumstances);
  const reasons = wanted === 'cold' ? ['a cold snapshot was asked for'] : obstacles;
  const mode = reasons.length === 0 ? 'live' : 'cold';
  const isRefused = wanted === 'live' && obstacles.length > 0;
  return { mode, reasons, refusal: isRefused ? `must not be live: ${obstacles.join('; ')}` : null };
}

function obstaclesTo(circumstances: SnapshotCircumstances): readonly string[] {
  const { hypervisor, backend, isEncrypted, isLiveDisabled, powerState, probeCode } = circumstances;
  const found: readonly (string | false)[] = [
    !hypervisors.has(hypervisor) && `the hypervisor is ${hypervisor}, neither QEMU nor KVM`,
    backend === 'lvm' && 'the disk is a logical volume',
    isEncrypted && 'the ephemeral storage is encrypted',
    isLiveDisabled && 'the host has disableLiveSnapshot set',
    powerState !== 'running' && `the guest is ${powerState}, not running`,
    probeCode === noBlockJobs && "the host's QEMU has no block jobs",
  ];
  return found.filter((reason) => reason !== false);
}
