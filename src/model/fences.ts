/**
 * Which owners gave back what they held, and at which generation. An attempt to take that was delayed
 * and arrives after the owner's undo would leak what it takes for ever: it is recognised by its generation.
 */
export interface Fence {
  readonly owner: string;
  readonly generation: number;
}

/** How many fences a record keeps: a delayed attempt is minutes late at most. */
const rememberedFences = 500;

/** Whether something taken by `owner` at `generation` was given back already. */
export function isFenced(fences: readonly Fence[], owner: string, generation: number): boolean {
  return fences.some((fence) => fence.owner === owner && fence.generation >= generation);
}

/** The fences with one more; the highest generation of an owner counts. */
export function fenced(fences: readonly Fence[], owner: string, generation: number): readonly Fence[] {
  if (isFenced(fences, owner, generation)) return fences;
  return [...fences.filter((fence) => fence.owner !== owner), { owner, generation }].slice(-rememberedFences);
}
