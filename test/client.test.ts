import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('Node itself loads what every worker and client needs: it sees fewer names in a CommonJS module than the test runner', async () => {
  const module = fileURLToPath(new URL('../src/client.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [
    '-e',
    `import(${JSON.stringify(module)}).then((client) => console.log(Object.keys(client).join()))`,
  ]);
  expect(stdout).toContain('connectClient');
});
