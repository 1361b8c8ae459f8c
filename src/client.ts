import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';

/** The data converter of every process of ours; a client in another language needs none. */
export const dataConverter = { payloadConverterPath: fileURLToPath(new URL('payload-converter.ts', import.meta.url)) };

/** A client of the Temporal server that the environment or the user's Temporal configuration names (`TEMPORAL_ADDRESS`, profiles, TLS, API key). */
export async function connectClient(): Promise<Client> {
  const { connectionOptions, namespace } = loadClientConnectConfig();
  const connection = await Connection.connect(connectionOptions);
  return new Client({ connection, ...(namespace === undefined ? {} : { namespace }) });
}
