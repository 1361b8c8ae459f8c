import { expect, test } from 'vitest';
import { ends, refusals } from '../../src/model/failure.ts';
import { failure, failureDetails } from '../../src/schema/failure.ts';

const message = 'cn1 has 512 MiB free';
const operation = { workflowId: 'w', runId: 'r', type: 'buildInstance', step: 'networking', since: '2026-11-21T01:02:03.004Z' };

const promised: readonly [type: string, details: object, missing: object][] = [
  ['InvalidRequest', { fields: [{ field: 'flavor.vcpus', message: 'is required' }] }, { fields: [] }],
  ['InstanceBusy', { operation }, {}],
  ['InvalidState', { vmState: 'active', taskState: null }, { vmState: 'active' }],
  ['NoValidHost', { hosts: [{ host: 'cn1', filter: 'memory', reason: message }] }, { hosts: [{ host: 'cn1' }] }],
  ['OperationFailed', { step: 'startDomain', host: 'cn1', code: 38 }, { step: 'startDomain' }],
  ['OperationFailed', { step: 'claim', host: null }, { host: null }],
];

test.for(promised)('a failure of type %s has the details %j, not %j', ([type, details, missing]) => {
  expect(failure.safeParse({ type, message, details }).success).toBe(true);
  expect(failure.safeParse({ type, message, details: missing }).success).toBe(false);
});

test('each public type has details, and those of our own processes have none', () => {
  expect([...failureDetails.keys()]).toEqual([...refusals, ...ends]);
  expect(failure.safeParse({ type: 'StaleToken', message, details: {} }).success).toBe(false);
});

test('a failure without a details object is none of the contract', () => {
  expect(failure.safeParse({ type: 'ImageNotFound', message, details: {} }).success).toBe(true);
  expect(failure.safeParse({ type: 'ImageNotFound', message, details: null }).success).toBe(false);
});
