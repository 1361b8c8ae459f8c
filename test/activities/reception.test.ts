import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { baseCache } from '../../src/activities/base-cache.ts';
import { capabilitiesOf } from '../../src/activities/capabilities.ts';
import { reception } from '../../src/activities/reception.ts';
import { ErrorCode, type Libvirt, LibvirtError } from '../../src/libvirt/index.ts';
import { ownDirectory } from './surroundings.ts';

const nothing = { str1: null, str2: null, str3: null, int1: 0, int2: 0, dom: null, network: null };
const noDomain = new LibvirtError('fake', { code: ErrorCode.noDomain, domain: 10, message: 'no domain', level: 2, ...nothing });
const libvirt = { domainGetState: () => Promise.reject(noDomain) } as unknown as Libvirt;

test.for([
  ['nothing', [], null],
  ['the proof of a delete', ['lock', 'generation'], null],
  ['what another step of the same operation writes at this moment', ['lock', 'generation', 'generation.partial', '.probe-1'], null],
  ['a disk', ['lock', 'generation', 'disk'], 'it has disk in'],
] as const)('a host that has %s of an instance has in its way: %s', async ([, names, why]) => {
  const instancesDir = await ownDirectory();
  await mkdir(join(instancesDir, 'web1'));
  for (const name of names) await writeFile(join(instancesDir, 'web1', name), '');
  const bases = baseCache({ instancesDir, imageStore: { directory: '/none' }, forceRawImages: true });
  const { whyInTheWay } = reception(libvirt, capabilitiesOf(libvirt), bases, { instancesDir });
  expect(await whyInTheWay('web1', 'separate')).toEqual(why === null ? null : { why: expect.stringContaining(why), isDisks: true });
});
