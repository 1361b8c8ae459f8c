import { setTimeout } from 'node:timers/promises';
import { Context, log } from '@temporalio/activity';
import { z } from 'zod';
import type { Token } from '../model/tenure.ts';
import type { Vif } from './addresses.ts';
import { fail } from './record-client.ts';
import { run } from './run.ts';

export interface VifPlug {
  /** 0: nobody waits. */
  readonly timeoutSeconds: number;
  /** Whether a build fails when the time is over. */
  readonly isFatal: boolean;
}

export interface VifActivities {
  /**
   * Waits until every tap of the guest is a forwarding port of its bridge and the bridge is up: then the guest's first packet
   * arrives. Raises `VirtualInterfacePlugTimeout` after the time allowed, where that is fatal.
   */
  waitForVifs(input: { token: Token; vifs: readonly Vif[]; plug: VifPlug }): Promise<void>;
}

const pollMs = 20;

const links = z.array(
  z.looseObject({
    ifname: z.string(),
    flags: z.array(z.string()).default([]),
    master: z.string().optional(),
    linkinfo: z.looseObject({ info_slave_data: z.looseObject({ state: z.string().optional() }).optional() }).optional(),
  }),
);

export type Link = z.infer<typeof links>[number];

export const vifActivities: VifActivities = {
  waitForVifs: async ({ vifs, plug: { timeoutSeconds, isFatal } }) => {
    if (vifs.length === 0 || timeoutSeconds === 0) return;
    const { cancellationSignal: signal } = Context.current();
    let missing = await whyUnplugged(vifs);
    for (const deadline = Date.now() + timeoutSeconds * 1000; missing.length > 0 && Date.now() < deadline; ) {
      await setTimeout(pollMs, undefined, { signal });
      missing = await whyUnplugged(vifs);
    }
    if (missing.length === 0) return;
    const message = `not plugged after ${timeoutSeconds} s: ${missing.join('; ')}`;
    if (isFatal) throw fail('VirtualInterfacePlugTimeout', message);
    log.warn(message);
  },
};

/** Why each port that carries no packets yet does not; empty when all do. */
export async function whyUnplugged(vifs: readonly Vif[]): Promise<readonly string[]> {
  if (vifs.length === 0) return [];
  const { stdout } = await run('ip', ['-json', '-details', 'link', 'show']);
  const known = links.parse(JSON.parse(stdout));
  return vifs.flatMap((vif) => problemOf(vif, known) ?? []);
}

/** Why a port carries no packets yet, or null. */
export function problemOf({ port: { tap }, bridge }: Vif, known: readonly Link[]): string | null {
  const find = (name: string) => known.find(({ ifname }) => ifname === name);
  const master = find(bridge);
  const device = find(tap);
  if (master === undefined) return `there is no bridge ${bridge}`;
  if (!master.flags.includes('UP')) return `bridge ${bridge} is down`;
  if (device === undefined) return `there is no device ${tap}`;
  if (device.master !== bridge) return `${tap} is not a port of ${bridge}`;
  const state = device.linkinfo?.info_slave_data?.state ?? 'unknown';
  return state === 'forwarding' ? null : `${tap} is ${state}`;
}
