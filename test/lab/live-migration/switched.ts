import { expect, type TestContext } from 'vitest';
import { runInHost } from '../../../lab/lab.ts';
import { until } from '../../../lab/wait.ts';
import type { Mover, Side } from './mover.ts';
import type { MigrationWorld } from './world.ts';

/** Starts a guest that goes with the test. */
export type Start = (context: TestContext, options?: Parameters<MigrationWorld['start']>[0]) => Promise<Mover>;

/** Begins, and switches over while most of the memory is missing, which comes slowly then. */
export async function switchedOver(mover: Mover, input: Awaited<ReturnType<Mover['prepare']>>): Promise<ReturnType<Mover['begin']>> {
  const { id, from, to } = mover;
  const attempt = mover.begin(input);
  await attempt.whenIn('memory');
  await limitWire(from, 40);
  expect(await from.acts.forceMigration(input)).toEqual({ refusal: null });
  const look = async () => (await to.acts.sightOfGuest({ instanceId: id })).isSwitched || null;
  await until(look, { what: 'the switch', timeoutMs: 30_000 });
  return attempt;
}

/** Makes a host's wire carry so much a second; null: as much as it can. */
export async function limitWire({ host }: Pick<Side, 'host'>, mbit: number | null): Promise<void> {
  const limit = ['replace', 'dev', 'eth0', 'root', 'tbf', 'rate', `${mbit}mbit`, 'burst', '128k', 'latency', '400ms'];
  await runInHost(host, ['tc', 'qdisc', ...(mbit === null ? ['del', 'dev', 'eth0', 'root'] : limit)]);
}
