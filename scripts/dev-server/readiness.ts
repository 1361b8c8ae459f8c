import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import type { DevServerConfig } from './config.ts';

const LOOK_EVERY_MS = 25;

/** temporal.api.enums.v1.IndexedValueType: the numbers are on the wire and do not change. */
const INDEXED_VALUE_TYPE = { Text: 1, Keyword: 2, Int: 3, Double: 4, Bool: 5, Datetime: 6, KeywordList: 7 } as const;

/** What a server is asked for before it counts as up. */
export type Wanted = Pick<DevServerConfig, 'namespace' | 'searchAttributes'> & { readonly address: string };

/** Resolves when the server serves the namespace and knows every search attribute; attributes a kept database lacks are added. */
export async function untilServing(wanted: Wanted, signal: AbortSignal): Promise<void> {
  await until(async () => {
    const connection = await Connection.connect({ address: wanted.address, connectTimeout: '1s' });
    try {
      await connection.workflowService.describeNamespace({ namespace: wanted.namespace });
      const missing = await missingAttributes(connection, wanted);
      // The server registers attributes only when it makes the database's namespace: later additions are ours to make.
      if (Object.keys(missing).length > 0) await addAttributes(connection, wanted.namespace, missing);
      return Object.keys(await missingAttributes(connection, wanted)).length === 0;
    } finally {
      await connection.close();
    }
  }, signal);
}

async function missingAttributes(connection: Connection, { namespace, searchAttributes }: Wanted): Promise<Wanted['searchAttributes']> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return Object.fromEntries(Object.entries(searchAttributes).filter(([name]) => !(name in (customAttributes ?? {}))));
}

async function addAttributes(connection: Connection, namespace: string, attributes: Wanted['searchAttributes']): Promise<void> {
  const searchAttributes = Object.fromEntries(Object.entries(attributes).map(([name, type]) => [name, INDEXED_VALUE_TYPE[type]]));
  await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
}

/** Asks again until `isSo` answers true, taking an error for "not yet"; gives up with the last error when `signal` fires. */
async function until(isSo: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  let last: unknown;
  while (!signal.aborted) {
    try {
      if (await isSo()) return;
    } catch (error) {
      last = error;
    }
    await sleep(LOOK_EVERY_MS);
  }
  throw new Error('it did not serve in time', { cause: last ?? signal.reason });
}
