import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * The directory of what is kept between runs to make them quick and independent of a network: `$NOVAFLOW_CACHE`, else
 * novaflow's place in the user's cache. The set-up scripts work it out in the same way.
 */
export function cacheDirectory(): string {
  const { NOVAFLOW_CACHE: own, XDG_CACHE_HOME: xdg } = process.env;
  return own || join(xdg || join(homedir(), '.cache'), 'novaflow');
}
