import { randomBytes } from 'node:crypto';
import { chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type KeyRing, readKeyRing } from '../../src/codec/key-ring.ts';
import { newToken } from '../../src/codec/open-server.ts';
import { type CodecServer, startCodecServer } from '../../src/codec/server.ts';
import { readDevServerConfig, writeDevServerConfig } from '../dev-server/config.ts';
import type { DemoPlace } from './server-config.ts';

/** The keys of a demo, and the codec server that its UI is told of. */
export interface DemoCodec extends CodecServer {
  readonly keyFile: string;
}

/** Makes a key for a demo, as new as its database, and serves it to the UI of its Temporal, whose configuration is completed. */
export async function startDemoCodec({ directory, configFile }: DemoPlace): Promise<DemoCodec> {
  const keyFile = join(directory, 'codec.keys');
  await writeFile(keyFile, `demo ${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  await giveToCaller(keyFile);
  const { uiPort } = await readDevServerConfig(configFile);
  const server = await serve(readKeyRing(keyFile), uiPort);
  await writeDevServerConfig({ from: configFile, to: configFile, overrides: { uiCodecEndpoint: server.endpoint } });
  return { ...server, keyFile };
}

async function serve({ current, byId }: KeyRing, uiPort: number): Promise<CodecServer> {
  if (current === null) throw new Error('the key that was just written is gone');
  const origins = [`http://127.0.0.1:${uiPort}`, `http://localhost:${uiPort}`];
  return startCodecServer({ keys: { current, byId }, ip: '127.0.0.1', port: 0, token: newToken(), origins });
}

/** Of root's demo that somebody started by sudo, it is their command that reads the key. */
async function giveToCaller(file: string): Promise<void> {
  const { SUDO_UID, SUDO_GID } = process.env;
  if (SUDO_UID !== undefined && SUDO_GID !== undefined) await chown(file, Number(SUDO_UID), Number(SUDO_GID));
}
