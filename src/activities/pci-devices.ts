import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from './failures.ts';

/** The PCI devices of this host of which the configuration says that guests may have them: `<vendor>:<product> <address>`, as in `10de:1eb8 0000:3b:00.0`. */
export async function pciDevicesOf(offered: readonly string[], directory = '/sys/bus/pci/devices'): Promise<readonly string[]> {
  if (offered.length === 0) return [];
  const addresses = await readdir(directory).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return []; // a machine without PCI
    throw error;
  });
  const devices = await Promise.all(addresses.map(async (address) => `${await idOf(join(directory, address))} ${address}`));
  return devices.filter((device) => offered.includes(device.split(' ', 1)[0] ?? '')).sort();
}

/** `vendor:product`; the kernel writes each as `0x10de`. */
async function idOf(device: string): Promise<string> {
  const [vendor, product] = await Promise.all(['vendor', 'device'].map((name) => readFile(join(device, name), 'utf8')));
  return [vendor, product].map((text = '') => text.trim().replace(/^0x/, '')).join(':');
}
