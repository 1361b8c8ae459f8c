import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * A boot sector that is all the operating system these tests need: it prints `K` on the serial port,
 * repeats what is typed there, and switches off when the power button is pressed.
 */
const bootSector = Buffer.from(
  [
    'fb', // sti
    'ba0206 b80001 ef', // enable the power button's event: out 0x602, 0x100
    'baf803 b04b ee', // print K: out 0x3f8, 'K'
    'f4', // loop: hlt, until the timer ticks
    'ba0006 ed f6c401 750f', // in ax, 0x600; if the power button was pressed, off
    'bafd03 ec a801 74ee', // in al, 0x3fd; if nothing was typed, loop
    'baf803 ec ee ebe7', // repeat it; loop
    'ba0406 b80020 ef', // off: out 0x604, 0x2000
    'f4 ebfd',
  ]
    .join('')
    .replaceAll(' ', ''),
  'hex',
);

/** What a guest of these tests may have beyond a disk and a serial console. */
export interface GuestParts {
  readonly name?: string;
  readonly uuid?: string;
  /** More XML within `<devices>`. */
  readonly devices?: string;
  /** Arguments for QEMU itself. */
  readonly qemuArgs?: readonly string[];
}

/** A guest described: what it is called, its disk, and its domain XML. */
export interface Guest {
  readonly name: string;
  readonly uuid: string;
  readonly disk: string;
  readonly xml: string;
}

/** Writes a bootable raw disk of 1 MiB and describes a guest of 64 MiB around it. */
export async function describeGuest(
  directory: string,
  { name = `guest-${randomUUID()}`, uuid = randomUUID(), devices = '', qemuArgs = [] }: GuestParts = {},
): Promise<Guest> {
  const disk = join(directory, `${name}.raw`);
  const content = Buffer.alloc(1024 * 1024);
  bootSector.copy(content);
  content.writeUInt16LE(0xaa55, 510);
  await writeFile(disk, content);
  const args = qemuArgs.map((arg) => `<qemu:arg value='${arg}'/>`).join('');
  const xml = `
    <domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
      <name>${name}</name><uuid>${uuid}</uuid><memory unit='MiB'>64</memory><vcpu>1</vcpu>
      <os><type arch='x86_64' machine='q35'>hvm</type></os>
      <features><acpi/></features>
      <devices>
        <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${disk}'/><target dev='vda' bus='virtio'/></disk>
        <controller type='scsi' model='virtio-scsi'/>
        <serial type='pty'/><console type='pty'/>
        <memballoon model='virtio'/>
        ${devices}
      </devices>
      ${args && `<qemu:commandline>${args}</qemu:commandline>`}
    </domain>`;
  return { name, uuid, disk, xml };
}

/** `<disk>` XML for an image. */
export function diskXml(image: { readonly path: string; readonly format: 'raw' | 'qcow2'; readonly target: string }, more = ''): string {
  const bus = image.target.startsWith('vd') ? 'virtio' : 'scsi';
  return `<disk type='file' device='disk'><driver name='qemu' type='${image.format}' error_policy='stop' rerror_policy='stop'/>
    <source file='${image.path}'/><target dev='${image.target}' bus='${bus}'/>${more}</disk>`;
}

/** Writes a raw image of random bytes. */
export async function randomImage(path: string, sizeMiB: number): Promise<string> {
  await writeFile(path, randomBytes(sizeMiB * 1024 * 1024));
  return path;
}

/** Makes a qcow2 image with qemu-img. */
export async function qcow2Image(path: string, args: readonly string[]): Promise<string> {
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', ...args.slice(0, -1), path, ...args.slice(-1)]);
  return path;
}

/** `<disk>` XML for a disk, first to boot from, whose reads fail: its compressed clusters hold what no decompressor takes. */
export async function failingDiskXml(directory: string): Promise<string> {
  const path = join(directory, `failing-${randomUUID()}.qcow2`);
  const content = `${path}.content`;
  await writeFile(content, Buffer.alloc(1024 * 1024, 'x'));
  await run('qemu-img', ['convert', '-q', '-c', '-f', 'raw', '-O', 'qcow2', content, path]);
  const image = await open(path, 'r+');
  const wordAt = async (offset: bigint) => (await image.read(Buffer.alloc(8), 0, 8, Number(offset))).buffer.readBigUInt64BE();
  const firstLevel = await wordAt(40n); // The header's l1_table_offset.
  const secondLevel = (await wordAt(firstLevel)) & 0x00ff_ffff_ffff_fe00n;
  const cluster = (await wordAt(secondLevel)) & ((1n << 54n) - 1n); // Clusters of 64 KiB: 54 bits of offset, then the length.
  await image.write(Buffer.alloc(64, 0xff), 0, 64, Number(cluster));
  await image.close();
  return diskXml({ path, format: 'qcow2', target: 'vdb' }, "<boot order='1'/>");
}
