import { expect, test } from 'vitest';
import type { Instance } from '../../src/model/instance.ts';
import { isSuperseded } from '../../src/model/superseded.ts';
import { instance, operation } from './verify/tidy-host.ts';

test.for<[string, Partial<Instance>, number, boolean]>([
  ['is on another host under a newer generation', { host: 'cn2', generation: 7 }, 5, true],
  ['was deleted under a newer generation', { host: null, vmState: 'deleted', generation: 7 }, 5, true],
  ['is here', { host: 'cn1', generation: 7 }, 5, false],
  ['is on another host under the generation that this one knows: it is being moved', { host: 'cn2', generation: 5 }, 5, false],
  ['is held by an operation', { host: 'cn2', generation: 7, operation }, 5, false],
  [
    'waits for the decision on its resize',
    { host: 'cn2', generation: 7, open: { workflowId: 'r', runId: 'r', type: 'resizeInstance', until: null } },
    5,
    false,
  ],
  ['failed to be built and is on no host', { host: null, vmState: 'error', generation: 7 }, 5, false],
])('whether a guest is destroyed whose instance %s', ([, changes, known, is]) => {
  expect(isSuperseded(instance(changes), 'cn1', known)).toBe(is);
});
