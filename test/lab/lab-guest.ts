import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildGuest, type HostProcess, type LabHost, processesOf, virtualization } from '../../lab/lab.ts';
import { run } from '../../lab/run.ts';
import { until } from '../../lab/wait.ts';

/** A guest that runs on a host without novaflow, by virsh. */
export interface LabGuest {
  readonly name: string;
  readonly host: LabHost;
  readonly ip: string;
  readonly mac: string;
  /** The guest's directory as the machine sees it. */
  readonly dir: string;
}

/** Puts a guest's files on a host and starts it; returns when its console says GUEST UP. */
export async function bootGuest(guest: Omit<LabGuest, 'dir'>): Promise<LabGuest> {
  const booted = { ...guest, dir: join(guest.host.instancesDir, guest.name) };
  await writeFiles(booted);
  await startGuest(booted);
  return booted;
}

/** Starts a guest whose files are there; returns when its console says GUEST UP. */
export async function startGuest(guest: LabGuest): Promise<void> {
  await writeFile(consoleFile(guest), '');
  await virsh(guest.host, 'create', join(guest.dir, 'domain.xml'));
  await until(async () => ((await consoleOf(guest)).includes(`GUEST UP ${guest.name} ${guest.ip}`) ? true : null), {
    what: `GUEST UP on the console of ${guest.name}`,
    timeoutMs: 60_000,
  });
}

/** Runs virsh on the machine against a host's libvirtd. */
export function virsh(host: LabHost, ...args: readonly string[]): Promise<string> {
  return run('virsh', ['-q', '-c', host.libvirtUri, ...args]);
}

/** All that a guest has written to its serial console since it was started. */
export function consoleOf(guest: LabGuest): Promise<string> {
  return readFile(consoleFile(guest), 'utf8');
}

/** Returns once the guest has ticked `count` times more than now. */
export async function ticksMore(guest: LabGuest, count: number): Promise<void> {
  const now = await lastTick(guest);
  await until(async () => ((await lastTick(guest)) >= now + count ? true : null), {
    what: `${count} ticks of ${guest.name}`,
    timeoutMs: 30_000,
  });
}

/** The QEMU processes of a host. */
export async function qemusOf(host: LabHost): Promise<HostProcess[]> {
  return (await processesOf(host)).filter(({ command }) => command.includes('qemu-system'));
}

/** The boots that a guest has noted on its disk, which must not be in use. */
export async function journalOf(guest: LabGuest): Promise<string[]> {
  const journal = await run('debugfs', ['-R', 'cat /journal', join(guest.dir, 'disk')]);
  return journal.split('\n').filter((line) => line !== '');
}

async function lastTick(guest: LabGuest): Promise<number> {
  return Number([...(await consoleOf(guest)).matchAll(/TICK (\d+)/g)].at(-1)?.[1] ?? 0);
}

async function writeFiles(guest: LabGuest): Promise<void> {
  const image = await buildGuest();
  const drive = join(guest.dir, 'drive');
  await mkdir(drive, { recursive: true });
  await copyFile(image.kernel, join(guest.dir, 'kernel'));
  await copyFile(image.initrd, join(guest.dir, 'ramdisk'));
  await copyFile(image.rootImage, join(guest.dir, 'disk'));
  await writeFile(join(drive, 'meta-data'), `instance-id: ${guest.name}\nlocal-hostname: ${guest.name}\n`);
  await writeFile(join(drive, 'network-config'), networkConfig(guest));
  await run('genisoimage', ['-quiet', '-V', 'cidata', '-R', '-o', join(guest.dir, 'disk.config'), drive]);
  await writeFile(join(guest.dir, 'domain.xml'), await domainXml(guest, image.cmdline));
}

function networkConfig({ mac, ip }: LabGuest): string {
  return ['version: 2', 'ethernets:', '  nic0:', '    match:', `      macaddress: ${mac}`, '    addresses:', `      - ${ip}/24`, ''].join(
    '\n',
  );
}

async function domainXml(guest: LabGuest, cmdline: string): Promise<string> {
  const { type } = await virtualization();
  const inside = join('/var/lib/nova/instances', guest.name);
  return `<domain type='${type}'>
  <name>${guest.name}</name>
  <memory unit='MiB'>128</memory>
  <os>
    <type machine='q35'>hvm</type>
    <kernel>${inside}/kernel</kernel><initrd>${inside}/ramdisk</initrd><cmdline>${cmdline}</cmdline>
  </os>
  <features><acpi/></features>
  <devices>
    <disk type='file'><driver name='qemu' type='raw'/><source file='${inside}/disk'/><target dev='vda' bus='virtio'/></disk>
    <disk type='file'><driver name='qemu' type='raw'/><source file='${inside}/disk.config'/><target dev='vdb' bus='virtio'/><readonly/></disk>
    <interface type='bridge'><source bridge='${guest.host.bridge}'/><mac address='${guest.mac}'/><model type='virtio'/></interface>
    <serial type='file'><source path='${inside}/console.log' append='on'/></serial>
    <memballoon model='none'/>
  </devices>
</domain>
`;
}

function consoleFile(guest: LabGuest): string {
  return join(guest.dir, 'console.log');
}
