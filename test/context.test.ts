import { expect, test } from 'vitest';
import { adminContext, contextHeader, decodeContext, encodeContext } from '../src/context.ts';

const context = { userId: 'u1', projectId: 'p1', roles: ['member', 'reader'], requestId: 'req-1', isAdmin: false };
const line = 'must be one line of 1 to 255 characters, without control characters';
const roles = 'must be a list of at most 64 names of roles';

test('the header is novaflow-context', () => {
  expect(contextHeader).toBe('novaflow-context');
});

test('a context passes through the JSON of a header unchanged', () => {
  expect(decodeContext(JSON.parse(JSON.stringify(encodeContext(context))))).toEqual({ ok: true, context });
});

test('what nobody signed is done by the administrator, under a request of its own', () => {
  const admin = adminContext('req-7');
  expect(admin).toEqual({ userId: 'admin', projectId: 'admin', roles: ['admin'], requestId: 'req-7', isAdmin: true });
  expect(decodeContext(encodeContext(admin))).toEqual({ ok: true, context: admin });
});

test('fields of a later release are left out', () => {
  expect(decodeContext({ ...context, quotaClass: 'gold' })).toEqual({ ok: true, context });
});

test.for([[undefined], [null], ['admin'], [5], [[context]]])(
  'a header that holds %j is refused, never taken for an administrator',
  ([value]) => {
    expect(decodeContext(value)).toEqual({ ok: false, fields: [{ field: 'novaflow-context', message: 'must be one JSON object' }] });
  },
);

test.for([
  [{ userId: undefined }, 'userId', line],
  [{ userId: '' }, 'userId', line],
  [{ userId: 5 }, 'userId', line],
  [{ userId: 'a\nb' }, 'userId', line],
  [{ projectId: null }, 'projectId', line],
  [{ projectId: 'x'.repeat(256) }, 'projectId', line],
  [{ roles: 'admin' }, 'roles', roles],
  [{ roles: [5] }, 'roles', roles],
  [{ roles: Array(65).fill('member') }, 'roles', roles],
  [{ requestId: undefined }, 'requestId', line],
  [{ isAdmin: 'true' }, 'isAdmin', 'must be true or false'],
  [{ isAdmin: undefined }, 'isAdmin', 'must be true or false'],
] as const)('a context with %j is refused: %s %s', ([change, field, message]) => {
  expect(decodeContext({ ...context, ...change })).toEqual({ ok: false, fields: [{ field: `novaflow-context.${field}`, message }] });
});

test('a context with several faults names each', () => {
  expect(decodeContext({})).toMatchObject({
    fields: ['userId', 'projectId', 'roles', 'requestId', 'isAdmin'].map((field) => ({ field: `novaflow-context.${field}` })),
  });
});
