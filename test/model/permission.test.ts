import { expect, test } from 'vitest';
import { maySee, refusalToRequest } from '../../src/model/permission.ts';

const tenant = { isAdmin: false };

test.for([
  ['createNetwork', {}, 'novaflow-context.isAdmin'],
  ['enableHost', { host: 'cn1' }, 'novaflow-context.isAdmin'],
  ['disableHost', { host: 'cn1' }, 'novaflow-context.isAdmin'],
  ['auditHost', { host: 'cn1' }, 'novaflow-context.isAdmin'],
  ['drainHost', { host: 'cn1' }, 'novaflow-context.isAdmin'],
  ['verify', {}, 'novaflow-context.isAdmin'],
  ['importImage', { name: 'tiny', host: 'cn1' }, 'host'],
  ['resizeInstance', { instanceId: 'i', host: 'cn1' }, 'host'],
  ['resizeInstance', { instanceId: 'i' }, 'flavor'],
  ['migrateInstance', { instanceId: 'i' }, 'novaflow-context.isAdmin'],
  ['liveMigrateInstance', { instanceId: 'i' }, 'novaflow-context.isAdmin'],
  ['unshelveInstance', { instanceId: 'i', host: 'cn1' }, 'host'],
] as const)('%s with %j is forbidden to who is no administrator, naming %s', ([operation, request, field]) => {
  const refused = refusalToRequest(operation, request, tenant);
  expect(refused).toMatchObject({ type: 'Forbidden', details: { fields: [{ field }] } });
  expect(refused?.message).toContain(field);
  expect(refusalToRequest(operation, request, { isAdmin: true })).toBeNull();
});

test.for([
  ['buildInstance', { name: 'web1' }],
  ['deleteInstance', { instanceId: 'i' }],
  ['importImage', { name: 'tiny' }],
  ['resizeInstance', { instanceId: 'i', flavor: 'm1.small' }],
  ['getConsoleOutput', { instanceId: 'i' }],
] as const)('%s with %j is anybody’s', ([operation, request]) => {
  expect(refusalToRequest(operation, request, tenant)).toBeNull();
});

test.for([
  [{ isAdmin: false, projectId: 'engine' }, true],
  [{ isAdmin: false, projectId: 'loom' }, false],
  [{ isAdmin: true, projectId: 'loom' }, true],
] as const)('to %j an instance of the project engine is there: %s', ([requester, isThere]) => {
  expect(maySee(requester, { projectId: 'engine' })).toBe(isThere);
});
