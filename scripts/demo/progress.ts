import { Listr, PRESET_TIMER } from 'listr2';

/**
 * Shows works that run at the same time, by title, until all of them have ended, then raises the first error. A spinner
 * each on a terminal, lines for begin and end elsewhere.
 */
export async function show(works: Readonly<Record<string, Promise<unknown>>>): Promise<void> {
  const tasks = Object.entries(works).map(([title, work]) => ({ title, task: () => work }));
  const timed = { timer: PRESET_TIMER };
  const list = new Listr(tasks, {
    concurrent: true,
    exitOnError: false,
    registerSignalListeners: false,
    rendererOptions: timed,
    fallbackRendererOptions: timed,
  });
  await list.run();
  await Promise.all(Object.values(works));
}

/** Prints a line. */
export function say(line = ''): void {
  console.log(line);
}

/** Seconds for people: `0.42 s`. */
export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}
