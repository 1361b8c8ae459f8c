import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { pki } from '../../src/pki/pki.ts';
import { call } from '../cli/surroundings.ts';

const openssl = promisify(execFile);

let directory: string;
let out: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'novaflow-pki-'));
  out = join(directory, 'hosts', 'cn1');
  onTestFinished(() => rm(directory, { recursive: true }));
});

test('a host gets the sets of libvirt and of QEMU, good for both ends of a connection and for each of its addresses', async () => {
  await pki.init({ directory, days: 10 });
  await pki.issue({ directory, host: 'cn1', addresses: ['10.0.0.11', 'cn1.example.org'], days: 5, out, group: null });
  for (const [authority, certificate, key] of [
    ['CA/cacert.pem', 'libvirt/servercert.pem', 'libvirt/private/serverkey.pem'],
    ['CA/cacert.pem', 'libvirt/clientcert.pem', 'libvirt/private/clientkey.pem'],
    ['qemu/ca-cert.pem', 'qemu/server-cert.pem', 'qemu/server-key.pem'],
    ['qemu/ca-cert.pem', 'qemu/client-cert.pem', 'qemu/client-key.pem'],
  ].map((names) => names.map((name) => join(out, 'etc/pki', name))) as [string, string, string][]) {
    for (const checks of [
      ['-purpose', 'sslserver', '-verify_ip', '10.0.0.11'],
      ['-purpose', 'sslserver', '-verify_hostname', 'cn1'],
      ['-purpose', 'sslclient', '-verify_hostname', 'cn1.example.org'],
    ]) {
      await openssl('openssl', ['verify', '-CAfile', authority, ...checks, certificate]);
    }
    expect(await publicKeyOf(certificate, 'x509')).toBe(await publicKeyOf(key, 'pkey'));
    expect((await stat(key)).mode & 0o777).toBe(0o600);
  }
});

test('QEMU finds the key exchange that it would make anew at each start, in one that everybody may read', async () => {
  await pki.init({ directory, days: 10 });
  await pki.issue({ directory, host: 'cn1', addresses: ['10.0.0.11'], days: 5, out, group: null });
  const path = join(out, 'etc/pki/qemu/dh-params.pem');
  const { stdout } = await openssl('openssl', ['dhparam', '-in', path, '-noout', '-text']);
  expect(stdout).toContain('ffdhe2048');
  expect((await stat(path)).mode & 0o777).toBe(0o644);
});

test('a certificate is not good for an address that it does not name, nor of another authority', async () => {
  await pki.init({ directory, days: 10 });
  await pki.issue({ directory, host: 'cn1', addresses: ['10.0.0.11'], days: 5, out, group: null });
  const certificate = join(out, 'etc/pki/qemu/server-cert.pem');
  const authority = join(directory, 'ca-cert.pem');
  await expect(openssl('openssl', ['verify', '-CAfile', authority, '-verify_ip', '10.0.0.12', certificate])).rejects.toThrow(
    'IP address mismatch',
  );
  const other = join(directory, 'other');
  await pki.init({ directory: other, days: 10 });
  await expect(openssl('openssl', ['verify', '-CAfile', join(other, 'ca-cert.pem'), certificate])).rejects.toThrow();
});

test('a renewed certificate has a later end, the same key and the same addresses, and is good under the old and the renewed authority', async () => {
  await pki.init({ directory, days: 10 });
  const before = await pki.issue({ directory, host: 'cn1', addresses: ['10.0.0.11'], days: 2, out, group: null });
  const key = join(out, 'etc/pki/qemu/server-key.pem');
  const [keyBefore, oldAuthority] = [await readFile(key, 'utf8'), join(out, 'etc/pki/qemu/ca-cert.pem')];
  const kept = join(directory, 'old-ca.pem');
  await openssl('cp', [oldAuthority, kept]);
  await pki.renewAuthority({ directory, days: 20 });
  const after = await pki.renew({ directory, host: 'cn1', days: 5, out });
  expect(after).toMatchObject({ host: before.host, addresses: before.addresses });
  expect(after.expiresAt.getTime() - before.expiresAt.getTime()).toBeCloseTo(3 * 86_400_000, -4);
  expect(await readFile(key, 'utf8')).toBe(keyBefore);
  const certificate = join(out, 'etc/pki/qemu/server-cert.pem');
  for (const authority of [kept, oldAuthority]) {
    await openssl('openssl', ['verify', '-CAfile', authority, '-purpose', 'sslserver', '-verify_ip', '10.0.0.11', certificate]);
  }
  expect(await readFile(oldAuthority, 'utf8')).not.toBe(await readFile(kept, 'utf8'));
});

test('an authority is never made over another', async () => {
  await pki.init({ directory, days: 10 });
  await expect(pki.init({ directory, days: 10 })).rejects.toThrow('there is an authority in');
});

test('the command makes, issues, renews and lists', async () => {
  const typed = (...words: string[]) => call(['pki', ...words, '--directory', directory], { pki: async () => pki });
  expect((await typed('list')).err).toContain('make one with novaflow pki init');
  expect((await typed('init')).exitCode).toBe(0);
  expect((await typed('issue', 'cn1', '--address', '10.0.0.11')).out).toContain('cn1 10.0.0.11');
  expect((await typed('renew', 'cn2')).err).toContain('has issued nothing to cn2');
  expect((await typed('renew')).err).toBe('name a host, or --authority');
  expect((await typed('renew', 'cn1', '--days', '400')).exitCode).toBe(0);
  const { out: listed } = await call(['pki', 'list', '--directory', directory, '--json'], { pki: async () => pki });
  expect(JSON.parse(listed)).toMatchObject([
    { host: 'novaflow hosts', addresses: [] },
    { host: 'cn1', addresses: ['cn1', '10.0.0.11'] },
  ]);
});

test.each([
  ['a host', ['issue', 'cn1;x', '--address', '10.0.0.11']],
  ['an address', ['issue', 'cn1', '--address', '10.0.0.11\nsubjectAltName=DNS:cn2']],
  ['a time', ['init', '--days', '0']],
])('what is not %s gets into no certificate', async (_what, words) => {
  const { exitCode } = await call(['pki', ...words, '--directory', directory], { pki: async () => pki });
  expect(exitCode).toBe(2);
});

async function publicKeyOf(path: string, kind: 'x509' | 'pkey'): Promise<string> {
  return (await openssl('openssl', [kind, '-in', path, ...(kind === 'x509' ? ['-pubkey', '-noout'] : ['-pubout'])])).stdout;
}
