import { expect, test } from 'vitest';
import { type CpuThreadPolicy, cpuPolicyProblems, dedicatedCpusOf } from '../../../src/model/cpus/policy.ts';

type Said = string | null;

/** What an image and a flavor of 4 vCPUs say: policy, thread policy, and the flavor its mask. */
function wishes([imagePolicy, imageThreads]: readonly [Said, Said?], [flavorPolicy, flavorThreads, mask]: readonly [Said, Said?, Said?]) {
  const said = (...pairs: readonly (readonly [string, Said | undefined])[]) =>
    Object.fromEntries(pairs.flatMap(([name, value]) => (value == null ? [] : [[name, value]])));
  return {
    properties: said(['hw_cpu_policy', imagePolicy], ['hw_cpu_thread_policy', imageThreads]),
    extraSpecs: said(['hw:cpu_policy', flavorPolicy], ['hw:cpu_thread_policy', flavorThreads], ['hw:cpu_dedicated_mask', mask]),
    vcpus: 4,
  };
}

test.for([
  [[null], [null], null],
  [['shared'], [null], null],
  [['dedicated'], [null], 'prefer'],
  [[null], ['dedicated'], 'prefer'],
  [['shared'], ['dedicated'], 'prefer'],
  [['dedicated'], ['dedicated'], 'prefer'],
  [['dedicated', 'isolate'], [null], 'isolate'],
  [[null, 'require'], ['dedicated'], 'require'],
  [['dedicated'], [null, 'isolate'], 'isolate'],
  [[null, 'isolate'], ['dedicated', 'isolate'], 'isolate'],
  [[null, 'isolate'], ['dedicated', 'prefer'], 'prefer'], // as in Nova: the flavor's word is there
] as readonly (readonly [readonly [Said, Said?], readonly [Said, Said?], CpuThreadPolicy | null])[])(
  'an image that says %o with a flavor that says %o has CPUs for itself by %s',
  ([image, flavor, threadPolicy]) => {
    expect(cpuPolicyProblems(wishes(image, flavor))).toStrictEqual([]);
    expect(dedicatedCpusOf(wishes(image, flavor))).toStrictEqual(threadPolicy && { threadPolicy });
  },
);

test.for([
  ['3', [3], [null], ['mixed', null, '3']],
  ['1-2', [1, 2], ['mixed'], ['mixed', null, '1-2']],
  ['^0', [1, 2, 3], ['mixed'], [null, null, '^0']],
  ['^0-1', [2, 3], [null], ['mixed', 'isolate', '^0-1']],
  ['0-3,^2', [0, 1, 3], ['shared'], ['mixed', null, '0-3,^2']],
] as readonly (readonly [string, readonly number[], readonly [Said, Said?], readonly [Said, Said?, Said?]])[])(
  'the mask %s gives the vCPUs %o CPUs for themselves',
  ([, only, image, flavor]) => {
    expect(cpuPolicyProblems(wishes(image, flavor))).toStrictEqual([]);
    expect(dedicatedCpusOf(wishes(image, flavor))).toStrictEqual({ threadPolicy: flavor[1] ?? 'prefer', only });
  },
);

const says = 'which says the vCPUs that have CPUs for themselves where the hw:cpu_policy is "mixed"';
const needs = 'which needs the CPU policy "dedicated" or "mixed", of the flavor (hw:cpu_policy) or of the image (hw_cpu_policy)';

test.for([
  [['dedicated'], ['shared'], 'image', 'has the hw_cpu_policy "dedicated", which its flavor forbids: hw:cpu_policy is "shared"'],
  [['mixed'], ['shared'], 'image', 'has the hw_cpu_policy "mixed", which its flavor forbids: hw:cpu_policy is "shared"'],
  [['dedicated'], ['mixed', null, '1'], 'image', 'has the hw_cpu_policy "dedicated", which its flavor forbids: hw:cpu_policy is "mixed"'],
  [[null], ['mixed'], 'flavor', `has no hw:cpu_dedicated_mask, ${says}`],
  [['mixed'], [null], 'flavor', `has no hw:cpu_dedicated_mask, ${says}`],
  [['dedicated'], [null, null, '1'], 'flavor', 'has a hw:cpu_dedicated_mask, which needs the hw:cpu_policy "mixed"'],
  ...['0-3', '^4', '4', '^0-3', '0,4', 'some'].map(
    (mask) =>
      [
        [null],
        ['mixed', null, mask],
        'flavor',
        `has the hw:cpu_dedicated_mask "${mask}", ${says}: it must name at least one of its 4, and not all`,
      ] as const,
  ),
  [
    ['dedicated', 'require'],
    ['dedicated', 'isolate'],
    'image',
    'has the hw_cpu_thread_policy "require", which its flavor forbids: hw:cpu_thread_policy is "isolate"',
  ],
  [[null, 'require'], [null], 'image', `has a hw_cpu_thread_policy, ${needs}`],
  [['shared', 'require'], ['shared'], 'image', `has a hw_cpu_thread_policy, ${needs}`],
  [[null], [null, 'isolate'], 'flavor', `has a hw:cpu_thread_policy, ${needs}`],
] as readonly (readonly [readonly [Said, Said?], readonly [Said, Said?, Said?], string, string])[])(
  'an image that says %o does not go with a flavor that says %o',
  ([image, flavor, field, message]) => {
    expect(cpuPolicyProblems(wishes(image, flavor))).toStrictEqual([{ field, message }]);
  },
);
