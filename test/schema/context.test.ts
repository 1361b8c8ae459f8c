import { expect, test } from 'vitest';
import { decodeContext } from '../../src/context.ts';
import { context } from '../../src/schema/context.ts';

const good = { userId: 'ada', projectId: 'engine', roles: ['member'], requestId: 'req-1', isAdmin: false };

test.for<readonly [what: string, value: unknown, isContext: boolean]>([
  ['a whole one', good, true],
  ['one with a field of a later release', { ...good, domainId: 'd' }, true],
  ['none', null, false],
  ['a list', [good], false],
  ['one without a user', { ...good, userId: undefined }, false],
  ['an empty project', { ...good, projectId: '' }, false],
  ['two lines', { ...good, requestId: 'a\nb' }, false],
  ['roles that are text', { ...good, roles: 'admin' }, false],
  ['65 roles', { ...good, roles: Array(65).fill('r') }, false],
  ['an administrator by word', { ...good, isAdmin: 'true' }, false],
])('%s is judged by the schema as by who reads the header', ([_what, value, isContext]) => {
  expect([context.safeParse(value).success, decodeContext(value).ok]).toEqual([isContext, isContext]);
});
