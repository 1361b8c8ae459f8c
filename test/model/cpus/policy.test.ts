import { expect, test } from 'vitest';
import { type CpuThreadPolicy, cpuPolicyProblems, dedicatedCpusOf } from '../../../src/model/cpus/policy.ts';

type Said = string | null;

/** What an image and a flavor say: policy, then thread policy. */
function wishes([imagePolicy, imageThreads]: readonly [Said, Said?], [flavorPolicy, flavorThreads]: readonly [Said, Said?]) {
  const said = (policy: [string, Said], threads: [string, Said]) =>
    Object.fromEntries([policy, threads].flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
  return {
    properties: said(['hw_cpu_policy', imagePolicy], ['hw_cpu_thread_policy', imageThreads ?? null]),
    extraSpecs: said(['hw:cpu_policy', flavorPolicy], ['hw:cpu_thread_policy', flavorThreads ?? null]),
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

const needs = 'which needs the CPU policy "dedicated", of the flavor (hw:cpu_policy) or of the image (hw_cpu_policy)';

test.for([
  [['dedicated'], ['shared'], 'image', 'has the hw_cpu_policy "dedicated", which its flavor forbids: hw:cpu_policy is "shared"'],
  [
    ['dedicated', 'require'],
    ['dedicated', 'isolate'],
    'image',
    'has the hw_cpu_thread_policy "require", which its flavor forbids: hw:cpu_thread_policy is "isolate"',
  ],
  [[null, 'require'], [null], 'image', `has a hw_cpu_thread_policy, ${needs}`],
  [['shared', 'require'], ['shared'], 'image', `has a hw_cpu_thread_policy, ${needs}`],
  [[null], [null, 'isolate'], 'flavor', `has a hw:cpu_thread_policy, ${needs}`],
] as readonly (readonly [readonly [Said, Said?], readonly [Said, Said?], string, string])[])(
  'an image that says %o does not go with a flavor that says %o',
  ([image, flavor, field, message]) => {
    expect(cpuPolicyProblems(wishes(image, flavor))).toStrictEqual([{ field, message }]);
  },
);
