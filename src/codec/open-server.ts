import { randomBytes } from 'node:crypto';
import { loadConfig } from '../config.ts';
import { CodecError } from './codec-error.ts';
import { readKeyRing } from './key-ring.ts';
import { readSecretFile } from './secret-file.ts';
import { type CodecServer, startCodecServer } from './server.ts';

/** How a codec server is asked for on a command line. */
export interface CodecServerRequest {
  /** The configuration file; without one, the usual one. */
  readonly config?: string | undefined;
  readonly ip: string;
  readonly port: number;
  readonly origins: readonly string[];
  /** The file with the token; without one, a new token each time. */
  readonly tokenFile?: string | undefined;
}

const token = /^[A-Za-z0-9._~-]{16,512}$/;

/** Starts a codec server with the keys of the configuration. Raises a `CodecError` when there are none. */
export async function openCodecServer({ config, tokenFile, ...listen }: CodecServerRequest): Promise<CodecServer> {
  const { keyFile } = loadConfig({ file: config }).codec;
  const { current, byId } = readKeyRing(keyFile);
  if (current === null) throw new CodecError('there are no keys: name a key file by codec.keyFile (NOVAFLOW_CODEC_KEY_FILE)');
  return startCodecServer({ ...listen, keys: { current, byId }, token: tokenFile === undefined ? newToken() : tokenIn(tokenFile) });
}

/** A token that nobody can guess. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

function tokenIn(file: string): string {
  const text = readSecretFile(file).trim();
  if (!token.test(text)) throw new CodecError(`${file} must hold a token: 16 to 512 of letters, digits, ".", "_", "~" and "-"`);
  return text;
}
