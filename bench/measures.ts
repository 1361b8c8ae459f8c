import type { Contest } from './contest.ts';
import { type Figure, reasonToVoid } from './figures.ts';
import type { FloorGuest } from './floor-builder.ts';
import { type Builder, type Guest, proveAlive, whenAged } from './guests.ts';
import type { OurGuest } from './our-builder.ts';
import type { Say } from './say.ts';

/** Age of a guest at its delete, by which it has booted; on a machine so busy that it has not, the two of a pair get as old as they need. */
const deleteAtAgeMs = 8_000;
const crowdSize = 10;

/** One guest at a time, ours and the floor's in turns on the same host: build → active, and delete. The guests of ours are returned, too. */
export async function singles({ ours, floor }: Contest, pairs: number, say: Say): Promise<{ figures: Figure[]; guests: OurGuest[] }> {
  const built = { ours: [] as number[], floor: [] as number[] };
  const gone = { ours: [] as number[], floor: [] as number[] };
  const guests: OurGuest[] = [];
  const voidBecause = await reasonToVoid(async () => {
    for (let pair = 1; pair <= pairs; pair += 1) {
      const guest = await ours.build();
      built.ours.push(guest.activeAt - guest.askedAt);
      const { ageMs, goneMs } = await endOf(ours, guest, deleteAtAgeMs);
      gone.ours.push(goneMs);
      guests.push(guest);
      const other = await floor.build(guest.host);
      built.floor.push(other.activeAt - other.askedAt);
      gone.floor.push((await endOf(floor, other, ageMs)).goneMs);
      const last = (samples: readonly number[]) => samples.at(-1)?.toFixed(0);
      say(
        `${pair}/${pairs} on ${guest.host.name}: build ${last(built.ours)} (floor ${last(built.floor)}), delete ${last(gone.ours)} (floor ${last(gone.floor)}) ms`,
      );
    }
  });
  const figure = (name: string, samples: typeof built, allowanceMs: number): Figure => ({
    name,
    unit: 'ms',
    ours: samples.ours,
    beside: { what: 'floor', samples: samples.floor },
    limit: { text: `floor + ${allowanceMs} ms`, of: (beside) => beside + allowanceMs },
    voidBecause,
  });
  return { figures: [figure('build → active', built, 400), figure(`delete, guest ${deleteAtAgeMs / 1000} s old`, gone, 250)], guests };
}

/** A guest with a disk of each kind: the flavor of a small machine. */
export const allDisksRequest = {
  flavor: { name: 'all-disks', vcpus: 1, memoryMiB: 128, rootGiB: 1, ephemeralGiB: 20, swapMiB: 1024 },
} as const;

/** One guest at a time with root, ephemeral disk, swap and config drive, ours and the floor's in turns on the same host: build → active. */
export async function allDisks({ ours, floor }: Contest, pairs: number, say: Say): Promise<Figure[]> {
  const built = { ours: [] as number[], floor: [] as number[] };
  const voidBecause = await reasonToVoid(async () => {
    for (let pair = 1; pair <= pairs; pair += 1) {
      const guest = await ours.build();
      built.ours.push(guest.activeAt - guest.askedAt);
      await endOf(ours, guest, 0);
      const other = await floor.build(guest.host);
      built.floor.push(other.activeAt - other.askedAt);
      await endOf(floor, other, 0);
      say(`${pair}/${pairs} on ${guest.host.name}: build ${built.ours.at(-1)?.toFixed(0)} (floor ${built.floor.at(-1)?.toFixed(0)}) ms`);
    }
  });
  const allowanceMs = 500;
  return [
    {
      name: 'build with ephemeral disk, swap, config drive → active',
      unit: 'ms',
      ours: built.ours,
      beside: { what: 'floor', samples: built.floor },
      limit: { text: `floor + ${allowanceMs} ms`, of: (beside) => beside + allowanceMs },
      voidBecause,
    },
  ];
}

/** Ten guests at once, ours and then the floor's on the same hosts: until all are active, and until all have booted. The guests of ours are returned, too. */
export async function crowds({ ours, floor }: Contest, rounds: number, say: Say): Promise<{ figures: Figure[]; guests: OurGuest[] }> {
  const guests: OurGuest[] = [];
  const active = { ours: [] as number[], floor: [] as number[] };
  const up = { ours: [] as number[], floor: [] as number[] };
  const voidBecause = await reasonToVoid(async () => {
    for (let round = 1; round <= rounds; round += 1) {
      const crowd = await crowdOf(
        ours,
        Array.from({ length: crowdSize }, (): [] => []),
      );
      guests.push(...crowd.guests);
      const other = await crowdOf(
        floor,
        crowd.guests.map(({ host }) => [host] as const),
      );
      active.ours.push(crowd.activeMs);
      active.floor.push(other.activeMs);
      up.ours.push(crowd.upMs);
      up.floor.push(other.upMs);
      say(
        `${round}/${rounds}: all active ${crowd.activeMs.toFixed(0)} (floor ${other.activeMs.toFixed(0)}), all up ${crowd.upMs.toFixed(0)} (floor ${other.upMs.toFixed(0)}) ms`,
      );
    }
  });
  const figure = (name: string, samples: typeof active, limit: Figure['limit']): Figure => ({
    name: `${crowdSize} builds at once → ${name}`,
    unit: 'ms',
    ours: samples.ours,
    beside: { what: 'floor', samples: samples.floor },
    limit,
    voidBecause,
  });
  return {
    figures: [
      figure('all active', active, { text: '2 × floor', of: (beside) => 2 * beside }),
      figure('all GUEST UP', up, { text: 'floor + 15 %', of: (beside) => 1.15 * beside }),
    ],
    guests,
  };
}

/** Sees that the guest booted and answers, deletes it at that age or as soon after as it has, and returns its age and what the delete took. */
async function endOf<Built extends Guest, On extends readonly unknown[]>(
  by: Builder<Built, On>,
  guest: Built,
  atAgeMs: number,
): Promise<{ ageMs: number; goneMs: number }> {
  await proveAlive(guest);
  await whenAged(guest, atAgeMs);
  const ageMs = performance.now() - guest.activeAt;
  return { ageMs, goneMs: await by.remove(guest) };
}

async function crowdOf<Built extends OurGuest | FloorGuest, On extends readonly unknown[]>(
  by: Builder<Built, On>,
  where: readonly On[],
): Promise<{ guests: readonly Built[]; activeMs: number; upMs: number }> {
  const askedAt = performance.now();
  const guests = await Promise.all(where.map((on) => by.build(...on)));
  const activeMs = Math.max(...guests.map(({ activeAt }) => activeAt)) - askedAt;
  const upMs = Math.max(...(await Promise.all(guests.map(proveAlive)))) - askedAt;
  await Promise.all(guests.map((guest) => by.remove(guest)));
  return { guests, activeMs, upMs };
}
