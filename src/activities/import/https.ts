import { lookup } from 'node:dns';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { getCACertificates } from 'node:tls';
import { invalid } from '../accept/parse.ts';
import { errnoOf } from '../failures.ts';
import { currentSignal } from '../run.ts';

/** How a host may fetch images. */
export interface FetchPolicy {
  /** Certificates, in PEM, that are trusted beside the usual ones; null: none. */
  readonly extraCa: string | null;
  readonly mayReach: (address: string) => boolean;
  /** How long a server may say nothing. */
  readonly silenceSeconds: number;
}

const maxRedirects = 5;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Codes of a certificate that is not trusted: trying again does not mend it. */
const certificateCodes = /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_)/;

/**
 * The answer to a request for a URL, its redirects followed, with its body unread. Every hop is https, and connects to an
 * address that the policy allows, however its name resolves at that moment. Raises `InvalidRequest` for what the source is at fault for.
 */
export async function get(url: string, headers: Readonly<Record<string, string>>, policy: FetchPolicy): Promise<IncomingMessage> {
  if (!URL.canParse(url)) throw invalid('source', 'is no URL');
  let at = new URL(url);
  for (let hops = 0; hops <= maxRedirects; hops += 1) {
    const answer = await getOnce(at, headers, policy);
    const { location } = answer.headers;
    if (!redirects.has(answer.statusCode ?? 0) || location === undefined) return answer;
    answer.destroy();
    if (!URL.canParse(location, at.href)) throw invalid('source', `redirects to ${location.slice(0, 100)}, which is no URL`);
    at = new URL(location, at.href);
  }
  throw invalid('source', `redirects more than ${maxRedirects} times`);
}

function getOnce(url: URL, headers: Readonly<Record<string, string>>, policy: FetchPolicy): Promise<IncomingMessage> {
  if (url.protocol !== 'https:') throw invalid('source', `leads to ${url.protocol}, not https:`);
  const { extraCa, mayReach, silenceSeconds } = policy;
  const address = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(address) !== 0 && !mayReach(address)) throw unreachable(url.hostname, address);
  const signal = currentSignal();
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const asking = request(
    url,
    {
      // One connection a request: nothing of it is left when the import ends.
      agent: new Agent({ keepAlive: false }),
      ...(extraCa === null ? {} : { ca: [...getCACertificates('default'), extraCa] }),
      headers: { 'user-agent': 'novaflow', 'accept-encoding': 'identity', ...headers },
      lookup: guarded(mayReach),
      timeout: silenceSeconds * 1000,
      ...(signal === null ? {} : { signal }),
    },
    resolve,
  );
  asking.on('timeout', () => asking.destroy(new Error(`${url.host} has said nothing for ${silenceSeconds} s`)));
  asking.on('error', (error) => reject(signal?.aborted === true ? signal.reason : (sourceFault(url, error) ?? error)));
  asking.end();
  return promise;
}

/** Resolves a name and refuses it in the same moment: a second look-up might find another address. */
function guarded(mayReach: FetchPolicy['mayReach']): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const forbidden = addresses?.find(({ address }) => !mayReach(address));
      if (error !== null) callback(error, []);
      else if (forbidden !== undefined) callback(unreachable(hostname, forbidden.address), []);
      else if (options.all === true) callback(null, addresses);
      else callback(null, addresses[0]?.address ?? '', addresses[0]?.family);
    });
  };
}

function unreachable(name: string, address: string): Error {
  const what = name === address || name === `[${address}]` ? address : `${name}, which is ${address}`;
  return invalid('source', `leads to ${what}: no image may come from there (imports.allowedNetworks)`);
}

/** A fault of what was asked for, or null: of the network. */
function sourceFault({ host }: URL, error: Error): Error | null {
  const code = errnoOf(error) ?? '';
  if (code === 'ENOTFOUND') return invalid('source', `names ${host}, which has no address`);
  return certificateCodes.test(code) ? invalid('source', `has a certificate that is not trusted: ${host}: ${error.message}`) : null;
}
