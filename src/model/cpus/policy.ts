import type { FieldProblem } from '../failure.ts';
import type { HardwareWishes } from '../hardware/hardware.ts';

/** How a guest's vCPUs are placed on cores of several threads (Nova's `cpu_thread_policy`). */
export const cpuThreadPolicies = ['prefer', 'isolate', 'require'] as const;
export type CpuThreadPolicy = (typeof cpuThreadPolicies)[number];

/** A guest whose vCPUs have CPUs of the host for themselves (Nova's `cpu_policy` `dedicated`). */
export interface DedicatedCpus {
  readonly threadPolicy: CpuThreadPolicy;
}

type Wishes = Pick<HardwareWishes, 'properties' | 'extraSpecs'>;

/** Whether, and how, a guest's vCPUs have CPUs for themselves; null: it shares them. What it is made from has passed `cpuPolicyProblems`. */
export function dedicatedCpusOf({ properties, extraSpecs }: Wishes): DedicatedCpus | null {
  if ((extraSpecs['hw:cpu_policy'] ?? properties['hw_cpu_policy']) !== 'dedicated') return null;
  const wanted = extraSpecs['hw:cpu_thread_policy'] ?? properties['hw_cpu_thread_policy'];
  return { threadPolicy: cpuThreadPolicies.find((one) => one === wanted) ?? 'prefer' };
}

/**
 * What image and flavor cannot ask for together, by the field of a request: Nova's `ImageCPUPinningForbidden`,
 * `ImageCPUThreadPolicyForbidden` and `CPUThreadPolicyConfigurationInvalid`.
 */
export function cpuPolicyProblems(wishes: Wishes): readonly FieldProblem[] {
  const { properties, extraSpecs } = wishes;
  const [ofFlavor, ofImage] = [extraSpecs['hw:cpu_policy'], properties['hw_cpu_policy']];
  if (ofFlavor === 'shared' && ofImage === 'dedicated') {
    return [{ field: 'image', message: 'has the hw_cpu_policy "dedicated", which its flavor forbids: hw:cpu_policy is "shared"' }];
  }
  const [threadsOfFlavor, threadsOfImage] = [extraSpecs['hw:cpu_thread_policy'], properties['hw_cpu_thread_policy']];
  const isFixed = threadsOfFlavor !== undefined && threadsOfFlavor !== 'prefer';
  if (isFixed && threadsOfImage !== undefined && threadsOfImage !== threadsOfFlavor) {
    const message = `has the hw_cpu_thread_policy "${threadsOfImage}", which its flavor forbids: hw:cpu_thread_policy is "${threadsOfFlavor}"`;
    return [{ field: 'image', message }];
  }
  if (dedicatedCpusOf(wishes) !== null) return [];
  const needs = 'which needs the CPU policy "dedicated", of the flavor (hw:cpu_policy) or of the image (hw_cpu_policy)';
  if (threadsOfFlavor !== undefined) return [{ field: 'flavor', message: `has a hw:cpu_thread_policy, ${needs}` }];
  return threadsOfImage === undefined ? [] : [{ field: 'image', message: `has a hw_cpu_thread_policy, ${needs}` }];
}
