import type { Connection } from './connection.ts';
import { handshakeProcedures } from './procedures.ts';

/** The ways of authentication that a daemon may ask for (`remote_auth_type`). */
const Auth = { none: 0, sasl: 1, polkit: 2 } as const;

/** libvirt's `VIR_DRV_FEATURE_PROGRAM_KEEPALIVE`; to ask for it is to invite the daemon's pings. */
const keepaliveFeature = 10;

/**
 * Greets the daemon: asks how it authenticates, which must come first, invites its pings, opens the hypervisor.
 * Raises an `Error` when the daemon wants SASL or polkit, which this client does not speak (polkit lets root pass).
 */
export async function shakeHands(
  connection: Connection,
  { uri, invitesPings }: { readonly uri: string; readonly invitesPings: boolean },
): Promise<void> {
  const ways = await connection.call('authList', handshakeProcedures.authList, {});
  if (!ways.includes(Auth.none)) {
    const wanted = ways.includes(Auth.sasl) ? 'SASL' : 'polkit';
    throw new Error(`the daemon asks for ${wanted}; run as root, or set auth_unix_rw = "none" in libvirtd.conf`);
  }
  if (invitesPings)
    await connection.call('connectSupportsFeature', handshakeProcedures.connectSupportsFeature, { feature: keepaliveFeature });
  await connection.call('connectOpen', handshakeProcedures.connectOpen, { uri });
}
