import { afterAll, beforeAll, test } from 'vitest';
import type { ProcedureName } from '../../../src/libvirt/index.ts';
import { deviceChecks } from './device-checks.ts';
import { domainChecks } from './domain-checks.ts';
import { hostChecks } from './host-checks.ts';
import { lifeChecks } from './life-checks.ts';
import { migrationChecks } from './migration-checks.ts';
import { nwfilterChecks } from './nwfilter-checks.ts';
import { type Check, startWorld, type World } from './world.ts';

/** A check for each procedure of the table; one that has none does not compile. */
const checks: Record<ProcedureName, Check> = {
  ...hostChecks,
  ...domainChecks,
  ...lifeChecks,
  ...deviceChecks,
  ...migrationChecks,
  ...nwfilterChecks,
};

let world: World;

beforeAll(async () => {
  world = await startWorld();
});

afterAll(() => world[Symbol.asyncDispose]());

test.for(Object.entries(checks))('%s reaches libvirt with each argument in its place', async ([, check]) => {
  await check(world);
});
