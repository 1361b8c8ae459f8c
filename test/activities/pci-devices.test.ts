import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pciDevicesOf } from '../../src/activities/pci-devices.ts';

test('of a machine’s PCI devices those are reported that guests may have', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'novaflow-pci-'));
  try {
    for (const [address, vendor, product] of [
      ['0000:00:1f.0', '0x8086', '0x2918'],
      ['0000:3c:00.0', '0x10de', '0x1eb8'],
      ['0000:3b:00.0', '0x10de', '0x1eb8'],
    ] as const) {
      await mkdir(join(directory, address));
      await writeFile(join(directory, address, 'vendor'), `${vendor}\n`);
      await writeFile(join(directory, address, 'device'), `${product}\n`);
    }
    expect(await pciDevicesOf(['10de:1eb8'], directory)).toStrictEqual(['10de:1eb8 0000:3b:00.0', '10de:1eb8 0000:3c:00.0']);
    expect(await pciDevicesOf([], directory)).toStrictEqual([]);
    expect(await pciDevicesOf(['10de:1eb8'], join(directory, 'none'))).toStrictEqual([]);
  } finally {
    await rm(directory, { recursive: true });
  }
});
