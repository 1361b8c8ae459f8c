import { copyFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startDemoCodec } from '../../../scripts/demo/codec.ts';
import { readDevServerConfig } from '../../../scripts/dev-server/config.ts';
import { readKeyRing } from '../../../src/codec/key-ring.ts';
import { ownDirectory } from '../../activities/surroundings.ts';

test('a demo has a key of its own, and the UI of its server the address of a codec server with it', async () => {
  const directory = await ownDirectory();
  const configFile = join(directory, 'temporal-dev.yaml');
  await copyFile('temporal-dev.yaml', configFile);
  await using codec = await startDemoCodec({ directory, configFile });

  expect((await stat(codec.keyFile)).mode & 0o777).toBe(0o600);
  expect(readKeyRing(codec.keyFile).current?.id).toBe('demo');
  const { uiCodecEndpoint, uiPort } = await readDevServerConfig(configFile);
  expect(uiCodecEndpoint).toBe(codec.endpoint);
  const answered = await fetch(`${uiCodecEndpoint}/decode`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: `http://localhost:${uiPort}` },
    body: '{"payloads":[]}',
  });
  expect(answered.status).toBe(200);
});
