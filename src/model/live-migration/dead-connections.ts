/** Both ends of a TCP connection, as `ss` writes them: `10.0.0.2:36090`. */
export interface Connection {
  readonly local: string;
  readonly peer: string;
}

/**
 * Connections of a process whose peer answers nothing, by what `ss --tcp --numeric --processes --options` lists of all. `repeats`: how often
 * something was sent again; the kernel waits 0.2 s first and twice as long each time, so that 5 are 6 s and 7 are 25 s. It counts probes as
 * well (`persist`), of a peer that had no room or of what did not get out of this host, from the last answer on.
 */
export function deadConnections(listing: string, pid: number, repeats: number): readonly Connection[] {
  return listing.split('\n').flatMap((line) => {
    const [, , , local, peer] = line.trim().split(/\s+/);
    const counted = Number(/timer:\((?:on|persist),[^,]*,(\d+)/.exec(line)?.[1] ?? 0);
    const isOfIt = new RegExp(`[(,]pid=${pid},`).test(line);
    return local === undefined || peer === undefined || !isOfIt || counted < repeats ? [] : [{ local, peer }];
  });
}
