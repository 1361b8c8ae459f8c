import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import type { Config } from '../../config.ts';
import { fail } from '../record-client.ts';
import { currentSignal, run } from '../run.ts';
import { credentials, received } from './https.ts';

/** What is put, and where. */
interface Parcel {
  /** Where the files are. */
  readonly directory: string;
  readonly names: readonly string[];
  readonly to: { readonly address: string; readonly port: number; readonly path: string };
}

/** Puts files and directories, as one tar with holes as holes, where another host takes them. Raises `TransferBroken`. */
export async function putByHttps(
  config: Pick<Config, 'pkiDir' | 'transferSilenceSeconds'>,
  { directory, names, to: { address, port, path } }: Parcel,
): Promise<void> {
  const signal = currentSignal();
  const timeout = config.transferSilenceSeconds * 1000;
  const where = { host: address, port, path, method: 'PUT', agent: false, timeout } as const;
  const request = httpsRequest({ ...where, ...(await credentials(config, 'client')), ...(signal === null ? {} : { signal }) });
  request.on('timeout', () => request.destroy(new Error(`${address} was silent for ${config.transferSilenceSeconds} s`)));
  try {
    const answer = once(request, 'response') as Promise<[IncomingMessage]>;
    const sending = run('tar', ['--create', '--sparse', '--file=-', '--', ...names], { cwd: directory, output: request });
    await Promise.allSettled([answer, sending]);
    const [response] = await answer; // what it says, before what that did to tar
    const said = await text(response);
    if (response.statusCode !== received) throw new Error(`${address} answers ${response.statusCode}: ${said}`);
    await sending;
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    throw fail('TransferBroken', error instanceof Error ? error.message : `${error}`);
  } finally {
    request.destroy();
  }
}
