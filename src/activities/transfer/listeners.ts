/** What ends a listener, and waits for what it still did. */
type End = () => Promise<void>;

/** The listeners of this worker, by the directory that each has to itself: they end with it. */
const listeners = new Map<string, End>();

/** Notes a listener; one that has the directory must have ended. */
export function addListener(directory: string, end: End): void {
  listeners.set(directory, end);
}

/** Whether something listens for what is kept in the directory. */
export function isListening(directory: string): boolean {
  return listeners.has(directory);
}

/** Ends a listener of this worker. Right when there is none. */
export async function endListener(directory: string): Promise<void> {
  const end = listeners.get(directory);
  listeners.delete(directory);
  await end?.();
}
