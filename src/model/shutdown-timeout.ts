/** A day: nobody waits longer for a guest. */
const maxSeconds = 86_400;

/** Why an image's `os_shutdown_timeout` is none, in words that follow the property's name, or null. */
export function shutdownTimeoutProblem(value: string): string | null {
  return /^\d{1,5}$/.test(value) && Number(value) <= maxSeconds ? null : `must be a whole number of seconds from 0 to ${maxSeconds}`;
}

/** How many seconds a guest has to go down by itself: what its image says (Nova's `os_shutdown_timeout`), else what is configured. 0: it is not asked. */
export function shutdownSecondsOf({ os_shutdown_timeout: ofImage }: Readonly<Record<string, string>>, configured: number): number {
  return ofImage === undefined || shutdownTimeoutProblem(ofImage) !== null ? configured : Number(ofImage);
}
