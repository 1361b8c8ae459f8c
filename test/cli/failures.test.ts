import {
  ApplicationFailure,
  CancelledFailure,
  ServiceError,
  TerminatedFailure,
  WorkflowFailedError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { NamespaceNotFoundError } from '@temporalio/common';
import { expect, test } from 'vitest';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { explain } from '../../src/cli/failures.ts';
import { refusals } from '../../src/model/failure.ts';
import { call } from './surroundings.ts';

/** How a client sees a run that ended with this. */
function endedWith(cause: Error): WorkflowFailedError {
  return new WorkflowFailedError('Workflow execution failed', cause, 'NON_RETRYABLE_FAILURE');
}

/** How a client sees a call that the server did not take. */
function grpcError(code: number, details: string): ServiceError {
  return new ServiceError('the call failed', { cause: Object.assign(new Error(`${code} ${details}`), { code, details }) });
}

test.for([
  ['InvalidRequest', 2],
  ['InstanceBusy', 2],
  ['InstanceExists', 2],
  ['NotParked', 2],
  ['InstanceNotFound', 3],
  ['ImageNotFound', 3],
  ['NetworkNotFound', 3],
  ['HostNotFound', 3],
  ['NoValidHost', 1],
  ['ImageUnacceptable', 1],
  ['OperationFailed', 1],
] as const)('%s is said in one line and ends the command with %d', ([type, exitCode]) => {
  const failure = ApplicationFailure.nonRetryable('a sentence', type, {});
  const explanation = { exitCode, message: `${type}: a sentence` };
  expect(explain(endedWith(failure))).toEqual(explanation);
  expect(explain(new WorkflowUpdateFailedError('update failed', failure))).toEqual(explanation);
});

test('no refusal passes for a failure', () => {
  const codes = refusals.map((type) => explain(endedWith(ApplicationFailure.nonRetryable('', type))).exitCode);
  expect(new Set(codes)).toEqual(new Set([exitCodes.refused, exitCodes.notFound]));
});

test('what removed each host is a table', () => {
  const hosts = [
    { host: 'cn1', filter: 'ram', reason: 'cn1 has 512 MiB free, 4096 wanted' },
    { host: 'cn22', filter: 'enabled', reason: 'cn22 is disabled' },
  ];
  const { message } = explain(endedWith(ApplicationFailure.nonRetryable('long', 'NoValidHost', { hosts })));
  expect(message.split('\n')).toEqual([
    'NoValidHost: no host can take the instance',
    'HOST  FILTER   REASON',
    'cn1   ram      cn1 has 512 MiB free, 4096 wanted',
    'cn22  enabled  cn22 is disabled',
  ]);
});

test.for([
  [new CancelledFailure('Workflow canceled'), 'Cancelled: the operation was cancelled and undid what it had done'],
  [new TerminatedFailure('by hand'), 'Terminated: by hand'],
] as const)('an operation that was ended from outside ends the command with 1: %s', ([cause, message]) => {
  expect(explain(endedWith(cause))).toEqual({ exitCode: 1, message });
});

test.for([
  [grpcError(14, 'no connection established'), { exitCode: 4, message: 'cannot reach Temporal: no connection established' }],
  [grpcError(3, 'invalid query'), { exitCode: 1, message: 'invalid query' }],
  [new NamespaceNotFoundError('lab'), { exitCode: 4, message: 'Temporal has no namespace lab: set TEMPORAL_NAMESPACE' }],
  [new Error('something else'), { exitCode: 1, message: 'something else' }],
] as const)('an error below the operation is told by its code: %s', ([error, explanation]) => {
  expect(explain(error)).toEqual(explanation);
});

test('a failure leaves stdout to the results and has no stack', async () => {
  const failure = endedWith(ApplicationFailure.nonRetryable('flavor.vcpus must be a whole number', 'InvalidRequest', {}));
  const { exitCode, out, err } = await call(['instance', 'delete', 'web1', '--json'], { result: () => Promise.reject(failure) });
  expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
  expect(err.split('\n').at(-1)).toBe('InvalidRequest: flavor.vcpus must be a whole number');
});
