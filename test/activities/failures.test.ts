import { ApplicationFailure } from '@temporalio/common';
import { describe, expect, test } from 'vitest';
import { CommandFailed, errnoOf, failureOf, isNoDomain } from '../../src/activities/failures.ts';
import { run } from '../../src/activities/run.ts';
import { ConnectionLost, LibvirtError } from '../../src/libvirt/index.ts';

function libvirtError(code: number): LibvirtError {
  const nothing = { dom: null, str1: null, str2: null, str3: null, int1: 0, int2: 0, network: null };
  return new LibvirtError('domainCreate', { code, domain: 10, message: 'libvirt says why', level: 2, ...nothing });
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: the system says why`), { code });
}

/** Codes as libvirt's virterror.h numbers them. */
test.for<[number, string, boolean]>([
  [42, 'DomainNotFound', true],
  [55, 'DomainStateConflict', true],
  [27, 'DomainDefinitionRejected', true],
  [35, 'DomainDefinitionRejected', true],
  [92, 'DomainDefinitionRejected', true],
  [67, 'DomainDefinitionRejected', true],
  [28, 'DomainExists', true],
  [1, 'LibvirtError', false],
  [9, 'LibvirtError', false],
  [38, 'LibvirtError', false],
  [68, 'LibvirtError', false],
  [87, 'LibvirtError', false],
  [9999, 'LibvirtError', false],
])('libvirt’s error %i is a %s, for good: %s', ([code, type, nonRetryable]) => {
  const error = libvirtError(code);
  expect(failureOf(error)).toMatchObject({
    type,
    nonRetryable,
    message: 'domainCreate: libvirt says why',
    details: [{ code }],
    cause: error,
  });
});

test('a connection to libvirt that was lost may come again', () => {
  const error = new ConnectionLost('domainCreate', 'unknown', new Error('libvirtd closed it'));
  expect(failureOf(error)).toMatchObject({ type: 'LibvirtUnreachable', nonRetryable: false, cause: error });
});

test.for(['ENOSPC', 'EDQUOT'])('%s says that a disk is full, for good', (code) => {
  expect(failureOf(systemError(code))).toMatchObject({
    type: 'DiskSpaceLow',
    nonRetryable: true,
    message: `${code}: the system says why`,
  });
});

test('every other error stays as it is, for another attempt', () => {
  for (const error of [systemError('EIO'), new Error('no code'), ApplicationFailure.nonRetryable('ours', 'StaleToken'), 'a text', null]) {
    expect(failureOf(error)).toBe(error);
  }
});

describe('a command that fails', () => {
  test('keeps what it said and its exit code, for another attempt', async () => {
    const error = await run('sh', ['-c', 'echo half; echo it broke >&2; exit 3']).catch((failed: unknown) => failed);
    expect(error).toBeInstanceOf(CommandFailed);
    expect(error).toMatchObject({ exitCode: 3, stdout: 'half' });
    expect(failureOf(error)).toMatchObject({ type: 'CommandFailed', nonRetryable: false, details: [{ code: 3 }], cause: error });
    expect(failureOf(error)).toHaveProperty('message', expect.stringMatching(/^sh -c .*: it broke$/s));
  });

  test('without a word says how it ended', async () => {
    await expect(run('false', [])).rejects.toThrow(/exit code 1/);
    await expect(run('sh', ['-c', 'kill -9 $$'])).rejects.toMatchObject({ exitCode: null, message: expect.stringContaining('SIGKILL') });
  });

  test('because it is not there has no exit code', async () => {
    await expect(run('no-such-command', [])).rejects.toMatchObject({ name: 'CommandFailed', exitCode: null });
  });
});

test('a domain that is not there is recognised by libvirt’s code alone', () => {
  expect(isNoDomain(libvirtError(42))).toBe(true);
  expect(isNoDomain(libvirtError(55))).toBe(false);
  expect(isNoDomain(new Error('Domain not found'))).toBe(false);
});

test('the errno of an error is its name, and null where there is none', () => {
  expect(errnoOf(systemError('ENOENT'))).toBe('ENOENT');
  expect(errnoOf(Object.assign(new Error('a number'), { code: 7 }))).toBeNull();
  expect(errnoOf(new Error('none'))).toBeNull();
  expect(errnoOf('ENOENT')).toBeNull();
});
