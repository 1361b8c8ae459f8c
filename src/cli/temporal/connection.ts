import { once } from 'node:events';
import { connect } from 'node:net';
import type { Client } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { connectClient } from '../../client.ts';
import type { RequestContext } from '../../context.ts';
import { CommandError, exitCodes } from '../exit-codes.ts';

const probeWithinMs = 5_000;
const wayOut = 'start it (npm run dev), or set TEMPORAL_ADDRESS';

/** A client of the Temporal server that the environment names, which asks as `identity`. Raises a sentence with the address and the way out. */
export async function connected(identity: RequestContext | null): Promise<Client> {
  const address = configuredAddress();
  if (!isProxied()) await probe(address);
  return connectClient(identity).catch((error: unknown) => {
    throw unreachable(`${address} does not answer as a Temporal server`, error);
  });
}

/** The server went away, or lacks what it should have, in the middle of something. */
export function unreachable(what: string, cause: unknown): CommandError {
  return new CommandError(exitCodes.unreachable, `cannot reach Temporal: ${what}: ${wayOut}`, { cause });
}

function configuredAddress(): string {
  try {
    return loadClientConnectConfig().connectionOptions.address ?? 'localhost:7233';
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandError(exitCodes.refused, `the configuration of the Temporal client is wrong: ${why}`, { cause: error });
  }
}

/** gRPC tries a closed port for 10 s and then does not say what was wrong with it; this says it at once. */
async function probe(address: string): Promise<void> {
  const { hostname, port } = new URL(`tcp://${address}`);
  const socket = connect({ host: hostname.replaceAll(/[[\]]/g, ''), port: Number(port || 7233) });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(probeWithinMs) });
  } catch (error) {
    throw unreachable(`${address} ${reasonOf(error)}`, error);
  } finally {
    socket.destroy();
  }
}

const reasons: ReadonlyMap<unknown, string> = new Map([
  ['ECONNREFUSED', 'refuses the connection'],
  ['ENOTFOUND', 'is no known host'],
  ['EAI_AGAIN', 'cannot be looked up'],
  ['EHOSTUNREACH', 'has no route'],
  ['ABORT_ERR', 'does not answer'],
]);

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return reasons.get(code) ?? `does not answer (${code})`;
}

/** gRPC goes through a proxy of the environment, which may reach what this machine does not. */
function isProxied(): boolean {
  return ['grpc_proxy', 'https_proxy', 'http_proxy'].some((name) => process.env[name] !== undefined && process.env[name] !== '');
}
