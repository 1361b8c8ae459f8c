import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../run.ts';
import { downloadPackages, unpackPackages } from './packages.ts';

/** A Linux kernel of the distribution, unpacked from its packages. */
export interface KernelFiles {
  readonly vmlinuz: string;
  /** The directory `lib/modules/<release>`. */
  readonly modulesDir: string;
}

// The packages that always depend on the newest kernel for virtual machines: Debian's and Ubuntu's, then Debian's on a machine without it.
const metaPackages = ['linux-image-cloud-amd64', 'linux-image-virtual', 'linux-image-cloud-arm64', 'linux-image-amd64'];

/** The name of the newest package with a kernel for virtual machines that the machine's package lists know, such as `linux-image-6.1.0-56-cloud-amd64`. */
async function newestKernelPackage(): Promise<string> {
  for (const meta of metaPackages) {
    const image = (await dependenciesOf(meta)).find((name) => /^linux-image-\d/.test(name));
    if (image !== undefined) return image;
  }
  throw new Error(`apt knows none of ${metaPackages.join(', ')}: run "apt-get update", then again`);
}

/** Downloads the packages of a kernel and its modules into `dir`, unless some are there from another time: any kernel will do for a guest. */
export async function downloadKernel(dir: string, onProgress: (line: string) => void): Promise<void> {
  await downloadPackages(dir, async () => {
    const image = await newestKernelPackage();
    onProgress(`downloading the guest's kernel, ${image}`);
    // Ubuntu keeps the modules in a package of their own.
    const modules = (await dependenciesOf(image)).find((name) => /^linux-modules-\d/.test(name));
    return [image, ...(modules === undefined ? [] : [modules])];
  });
}

/** Unpacks the packages that lie in `packages` into `dir`. */
export async function unpackKernel(packages: string, dir: string): Promise<KernelFiles> {
  await unpackPackages(packages, dir);
  return kernelIn(dir);
}

async function kernelIn(dir: string): Promise<KernelFiles> {
  const vmlinuz = (await readdir(join(dir, 'boot'))).find((name) => name.startsWith('vmlinuz-'));
  if (vmlinuz === undefined) throw new Error(`the kernel's package holds no boot/vmlinuz-*: see ${dir}`);
  const release = vmlinuz.slice('vmlinuz-'.length);
  const places = ['lib/modules', 'usr/lib/modules'].map((place) => join(dir, place, release));
  const [modulesDir] = (await Promise.all(places.map(async (place) => ((await isDirectory(place)) ? [place] : [])))).flat();
  if (modulesDir === undefined) throw new Error(`the packages hold no modules of ${release}: see ${dir}`);
  return { vmlinuz: join(dir, 'boot', vmlinuz), modulesDir };
}

async function dependenciesOf(name: string): Promise<string[]> {
  const output = await run('apt-cache', ['depends', '--important', name]).catch(() => '');
  return [...output.matchAll(/Depends: (\S+)/g)].map((match) => match[1] ?? '');
}

async function isDirectory(path: string): Promise<boolean> {
  return readdir(path).then(
    () => true,
    () => false,
  );
}
