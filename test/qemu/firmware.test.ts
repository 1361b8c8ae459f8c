import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { uefiFor } from '../../src/qemu/firmware.ts';

let root: string;
let directories: readonly string[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'novaflow-firmware-'));
  directories = ['etc', 'usr'].map((name) => join(root, name));
  for (const directory of directories) await mkdir(directory);
});
afterEach(() => rm(root, { recursive: true, force: true }));

interface Described {
  readonly code?: string;
  readonly machines?: readonly string[];
  readonly features?: readonly string[];
  readonly format?: string;
  readonly interfaces?: readonly string[];
}

/** A descriptor as Debian's ovmf writes them. */
function described({
  code = '/code',
  machines = ['pc-i440fx-*', 'pc-q35-*'],
  features = [],
  format = 'raw',
  interfaces = ['uefi'],
}: Described): string {
  return JSON.stringify({
    description: 'UEFI firmware',
    'interface-types': interfaces,
    mapping: {
      device: 'flash',
      executable: { filename: code, format },
      'nvram-template': { filename: `${code}.vars`, format },
    },
    targets: [{ architecture: 'x86_64', machines }],
    features: ['acpi-s3', ...features],
    tags: [],
  });
}

async function chosen(files: Readonly<Record<string, string>>, machineType = 'pc-q35-7.2'): Promise<string | null> {
  for (const [path, content] of Object.entries(files)) await writeFile(join(root, path), content);
  return (await uefiFor(machineType, directories))?.codePath ?? null;
}

test('the first firmware in the order of names without Secure Boot is taken, with its template', async () => {
  await chosen({
    'usr/40.json': described({ code: '/enrolled', features: ['enrolled-keys', 'requires-smm', 'secure-boot'] }),
    'usr/50.json': described({ code: '/secure', features: ['requires-smm', 'secure-boot'] }),
    'usr/60.json': described({ code: '/plain' }),
    'usr/70.json': described({ code: '/later' }),
  });
  expect(await uefiFor('pc-q35-7.2', directories)).toStrictEqual({ codePath: '/plain', templatePath: '/plain.vars' });
});

test("an administrator's descriptor takes the place of the distribution's of its name", async () => {
  expect(await chosen({ 'usr/60.json': described({ code: '/theirs' }), 'etc/60.json': described({ code: '/ours' }) })).toBe('/ours');
});

test('an empty one hides it', async () => {
  expect(await chosen({ 'usr/60.json': described({}), 'etc/60.json': '' })).toBeNull();
});

test.for([
  ['of another machine', { machines: ['pc-i440fx-*'] }],
  ['of a format that is not raw', { format: 'qcow2' }],
  ['that is no UEFI', { interfaces: ['bios'] }],
] as readonly (readonly [string, Described])[])('firmware %s is passed over', async ([, description]) => {
  expect(await chosen({ 'usr/60.json': described(description) })).toBeNull();
});

test('a host without descriptors has no UEFI', async () => {
  expect(await uefiFor('pc-q35-7.2', [join(root, 'nowhere')])).toBeNull();
});
