import { expect, test } from 'vitest';
import { hostnameOf } from '../../src/model/hostname.ts';

const id = '6a1b2c3d-0000-4000-8000-000000000001';

test.for([
  ['web1', 'web1'],
  ['Web Server 1', 'web-server-1'],
  ['web.example.org', 'web-example-org'],
  ['Käse & Brötchen', 'kase-brotchen'],
  ['_db__2_', 'db-2'],
  ['-dash-', 'dash'],
  ['ﬁle', 'file'],
  ['a'.repeat(80), 'a'.repeat(63)],
  [`${'a'.repeat(62)}-b`, 'a'.repeat(62)],
  ['$(reboot)', 'reboot'],
  ['日本', 'vm-6a1b2c3d'],
  ['...', 'vm-6a1b2c3d'],
  ['', 'vm-6a1b2c3d'],
] as const)('an instance named %j has the host name %j', ([name, hostname]) => {
  expect(hostnameOf(name, id)).toBe(hostname);
});
