import { Command } from '@commander-js/extra-typings';
import * as faults from './faults.ts';
import { killLibvirtd, restartLibvirtd, startLibvirtd } from './host/libvirtd.ts';
import { down, status, up } from './lab.ts';
import { findLab, type LabHost } from './lab-description.ts';
import { showLab } from './show.ts';
import { labNames } from './state.ts';

const program = new Command('lab').description('Compute hosts of one machine: each with its own libvirtd, QEMUs, network and disks.');

program
  .command('up')
  .description('bring a lab up; one that is up already is left as it is')
  .option('--name <name>', 'name of the lab', 'lab')
  .option('--hosts <count>', 'how many hosts', Number, 2)
  .option('--shared', 'one instances directory for all hosts', false)
  .option('--instances-size <MiB>', 'instances on an ext4 file system of this size', Number)
  .option('--non-root-host <host>', 'the host whose QEMU runs as libvirt-qemu (default: the last of several)')
  .action(async ({ name, hosts, shared, instancesSize, nonRootHost }) => {
    const interrupted = new AbortController();
    // Not `once`: execa ends the process by a signal that nobody listens for any more.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort(new Error(`interrupted by ${signal}`)));
    const size = instancesSize === undefined ? {} : { instancesSizeMiB: instancesSize };
    const nonRoot = nonRootHost === undefined ? {} : { nonRootHost };
    await up({ name, hosts, shared, ...size, ...nonRoot, signal: interrupted.signal });
    await showStatus(name);
  });

program
  .command('down')
  .description('take a lab down, or what is left of it')
  .option('--name <name>', 'name of the lab', 'lab')
  .action(({ name }) => down(name));

program
  .command('status')
  .description('show one lab, or all of them')
  .option('--name <name>', 'name of the lab')
  .action(async ({ name }) => {
    for (const lab of name === undefined ? await labNames() : [name]) await showStatus(lab);
  });

const hostCommands: Readonly<Record<string, readonly [string, (host: LabHost) => Promise<void>]>> = {
  'start-libvirtd': ['start a libvirtd that was killed', startLibvirtd],
  'restart-libvirtd': ['restart libvirtd; guests go on', restartLibvirtd],
  'kill-libvirtd': ['kill libvirtd; guests go on, it stays dead', killLibvirtd],
  'lose-host': ['kill everything of a host', faults.loseHost],
  'return-host': ['boot a lost host again', faults.returnHost],
  'power-loss': ['lose a host and all that its disk was not told to keep', faults.powerLoss],
  'cut-off': ['drop all packets between a host and this machine', faults.cutOff],
  reconnect: ['end a cut-off', faults.reconnect],
};

for (const [name, [description, act]] of Object.entries(hostCommands)) {
  program
    .command(name)
    .description(description)
    .option('--name <name>', 'name of the lab', 'lab')
    .requiredOption('--host <host>', 'name of the host, such as cn1')
    .action(async ({ name: lab, host }) => act(await hostNamed(lab, host)));
}

try {
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function showStatus(name: string): Promise<void> {
  const seen = await status(name);
  console.log(seen === null ? `there is no lab ${name}` : showLab(seen));
}

async function hostNamed(labName: string, hostName: string): Promise<LabHost> {
  const lab = await findLab(labName);
  const host = lab?.hosts.find(({ name }) => name === hostName);
  if (host === undefined) throw new Error(`there is no host ${hostName} in a lab ${labName}`);
  return host;
}
