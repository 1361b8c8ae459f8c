import { afterEach, expect, test, vi } from 'vitest';
import { identityOf } from '../../src/cli/identity.ts';
import { call } from './surroundings.ts';

afterEach(() => vi.unstubAllEnvs());

const contextsIn = (asked: readonly (readonly unknown[])[]) => asked.filter(([what]) => what === 'as').map(([, context]) => context);

test('who asks on behalf of nobody gives no context', async () => {
  expect(contextsIn((await call(['instance', 'list'])).asked)).toEqual([]);
});

test('a user of a project is no administrator, and each call is a request of its own', async () => {
  const argv = ['instance', 'list', '--as-user', 'ada', '--as-project', 'engine'];
  const contexts = [...contextsIn((await call(argv)).asked), ...contextsIn((await call(argv)).asked)];
  expect(contexts).toMatchObject(Array(2).fill({ userId: 'ada', projectId: 'engine', roles: [], isAdmin: false }));
  expect(new Set(contexts.map((context) => (context as { requestId: string }).requestId)).size).toBe(2);
});

test('the environment says so too', async () => {
  vi.stubEnv('NOVAFLOW_AS_USER', 'ada');
  vi.stubEnv('NOVAFLOW_AS_PROJECT', 'engine');
  expect(contextsIn((await call(['instance', 'list'])).asked)).toMatchObject([{ userId: 'ada', projectId: 'engine' }]);
});

test('an administrator may ask on behalf of a user', () => {
  expect(identityOf({ asUser: 'ada', asProject: 'engine', asAdmin: true })).toMatchObject({ userId: 'ada', isAdmin: true });
  expect(identityOf({ asAdmin: true })).toMatchObject({ userId: 'admin', isAdmin: true });
});

test.for([
  [['--as-user', 'ada'], 'belong together'],
  [['--as-project', 'engine'], 'belong together'],
  [['--as-user', 'a\nb', '--as-project', 'engine'], '--as-user must be one line'],
] as const)('%j is refused', async ([options, why]) => {
  const { exitCode, err, asked } = await call(['instance', 'list', ...options]);
  expect({ exitCode, asked }).toEqual({ exitCode: 2, asked: [] });
  expect(err).toContain(why);
});
