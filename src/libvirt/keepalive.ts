/** How a connection finds out that its peer is gone. */
export interface KeepalivePolicy {
  /** How often a ping is sent, in milliseconds. */
  readonly intervalMs: number;
  /** How many pings may go by without a byte from the peer. */
  readonly count: number;
}

/** A running keepalive: `heard` renews its budget, `stop` ends it. */
export interface Keepalive {
  heard(): void;
  stop(): void;
}

/** Calls `ping` at each interval, and `silent` once when `count` pings in a row were followed by no byte at all. */
export function startKeepalive({ intervalMs, count }: KeepalivePolicy, on: { ping(): void; silent(): void }): Keepalive {
  let unanswered = 0;
  const timer = setInterval(() => {
    if (unanswered >= count) {
      clearInterval(timer);
      on.silent();
      return;
    }
    unanswered += 1;
    on.ping();
  }, intervalMs);
  return {
    heard: () => {
      unanswered = 0;
    },
    stop: () => clearInterval(timer),
  };
}
