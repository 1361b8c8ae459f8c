import { cpuSetOf } from './cpu-set.ts';

/** Where each vCPU of an instance runs, in their order: on a CPU that it has for itself, or (null) on any that is shared. */
export type PinnedCpus = readonly (number | null)[];

/** On which CPUs of a host a guest runs. */
export interface CpuPlacement {
  /** Null: all its vCPUs share CPUs. */
  readonly pinned: PinnedCpus | null;
  /** Those that are shared. */
  readonly shared: readonly number[];
}

/** A placement as libvirt is told it: all CPUs, where QEMU's own threads run, and those of each vCPU unless all float. */
export function cpuSetsOf({ pinned, shared }: CpuPlacement): { readonly all: string; readonly perVcpu: readonly string[] } {
  const own = (pinned ?? [null]).flatMap((cpu) => cpu ?? shared);
  return {
    all: cpuSetOf([...new Set(own)]),
    perVcpu: (pinned ?? []).map((cpu) => (cpu === null ? cpuSetOf(shared) : `${cpu}`)),
  };
}
