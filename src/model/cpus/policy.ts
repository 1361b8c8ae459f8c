import type { FieldProblem } from '../failure.ts';
import type { HardwareWishes } from '../hardware/hardware.ts';
import { cpusIn } from './cpu-set.ts';

/** How a guest's vCPUs are placed on cores of several threads (Nova's `cpu_thread_policy`). */
export const cpuThreadPolicies = ['prefer', 'isolate', 'require'] as const;
export type CpuThreadPolicy = (typeof cpuThreadPolicies)[number];

/** vCPUs that have CPUs of the host for themselves (Nova's `cpu_policy` `dedicated`, and `mixed`). */
export interface DedicatedCpus {
  readonly threadPolicy: CpuThreadPolicy;
  /** Which of a guest's they are; the others share CPUs. Absent: all. */
  readonly only?: readonly number[];
}

/** How the vCPUs of a guest get CPUs of its host. */
export const cpuPolicies = ['shared', 'dedicated', 'mixed'] as const;
type CpuPolicy = (typeof cpuPolicies)[number];

/** Which of a guest's vCPUs have CPUs for themselves, and how; null: none. What it is made from has passed `cpuPolicyProblems`. */
export function dedicatedCpusOf(wishes: HardwareWishes): DedicatedCpus | null {
  const policy = policyOf(wishes);
  if (policy === 'shared') return null;
  const { properties, extraSpecs } = wishes;
  const wanted = extraSpecs['hw:cpu_thread_policy'] ?? properties['hw_cpu_thread_policy'];
  const threadPolicy = cpuThreadPolicies.find((one) => one === wanted) ?? 'prefer';
  return { threadPolicy, ...(policy === 'mixed' ? { only: maskOf(wishes) ?? [] } : {}) };
}

/**
 * What image and flavor cannot ask for together, by the field of a request. Nova's `ImageCPUPinningForbidden`, `ImageCPUThreadPolicyForbidden`,
 * `CPUThreadPolicyConfigurationInvalid`, `RequiredMixedInstancePolicy`, `RequiredMixedOrRealtimeCPUMask`, `InvalidMixedInstanceDedicatedMask`.
 */
export function cpuPolicyProblems(wishes: HardwareWishes): readonly FieldProblem[] {
  const problem = forbiddenPolicy(wishes) ?? forbiddenThreadPolicy(wishes) ?? threadPolicyOfNone(wishes) ?? maskProblem(wishes);
  return problem === null ? [] : [problem];
}

/** The flavor's word counts where it has one. */
function policyOf({ properties, extraSpecs }: HardwareWishes): CpuPolicy {
  const wanted = extraSpecs['hw:cpu_policy'] ?? properties['hw_cpu_policy'];
  return cpuPolicies.find((one) => one === wanted) ?? 'shared';
}

function forbiddenPolicy({ properties, extraSpecs }: HardwareWishes): FieldProblem | null {
  const [ofFlavor, ofImage] = [extraSpecs['hw:cpu_policy'], properties['hw_cpu_policy']];
  const isForbidden =
    (ofFlavor === 'shared' && (ofImage === 'dedicated' || ofImage === 'mixed')) || (ofFlavor === 'mixed' && ofImage === 'dedicated');
  if (!isForbidden) return null;
  return { field: 'image', message: `has the hw_cpu_policy "${ofImage}", which its flavor forbids: hw:cpu_policy is "${ofFlavor}"` };
}

function forbiddenThreadPolicy({ properties, extraSpecs }: HardwareWishes): FieldProblem | null {
  const [ofFlavor, ofImage] = [extraSpecs['hw:cpu_thread_policy'], properties['hw_cpu_thread_policy']];
  if (ofFlavor === undefined || ofFlavor === 'prefer' || ofImage === undefined || ofImage === ofFlavor) return null;
  return {
    field: 'image',
    message: `has the hw_cpu_thread_policy "${ofImage}", which its flavor forbids: hw:cpu_thread_policy is "${ofFlavor}"`,
  };
}

function threadPolicyOfNone(wishes: HardwareWishes): FieldProblem | null {
  if (policyOf(wishes) !== 'shared') return null;
  const needs = 'which needs the CPU policy "dedicated" or "mixed", of the flavor (hw:cpu_policy) or of the image (hw_cpu_policy)';
  if ('hw:cpu_thread_policy' in wishes.extraSpecs) return { field: 'flavor', message: `has a hw:cpu_thread_policy, ${needs}` };
  return 'hw_cpu_thread_policy' in wishes.properties ? { field: 'image', message: `has a hw_cpu_thread_policy, ${needs}` } : null;
}

function maskProblem(wishes: HardwareWishes): FieldProblem | null {
  const mask = wishes.extraSpecs['hw:cpu_dedicated_mask'];
  if (policyOf(wishes) !== 'mixed') {
    return mask === undefined ? null : { field: 'flavor', message: 'has a hw:cpu_dedicated_mask, which needs the hw:cpu_policy "mixed"' };
  }
  const says = 'which says the vCPUs that have CPUs for themselves where the hw:cpu_policy is "mixed"';
  if (mask === undefined) return { field: 'flavor', message: `has no hw:cpu_dedicated_mask, ${says}` };
  const count = maskOf(wishes)?.length ?? 0;
  if (count > 0 && count < wishes.vcpus) return null;
  const message = `has the hw:cpu_dedicated_mask "${mask}", ${says}: it must name at least one of its ${wishes.vcpus}, and not all`;
  return { field: 'flavor', message };
}

/** The vCPUs that a mask names, which may say them by what it excludes; null: it is none, or names others. */
function maskOf({ extraSpecs, vcpus }: HardwareWishes): readonly number[] | null {
  const mask = (extraSpecs['hw:cpu_dedicated_mask'] ?? '').trim();
  const named = cpusIn(mask.startsWith('^') ? `0-${vcpus - 1},${mask}` : mask);
  return named?.every((vcpu) => vcpu < vcpus) === true ? named : null;
}
