import { bootHost } from './host/boot.ts';
import { losePowerOfInstancesDisk } from './instances-disk.ts';
import { type LabHost, stateOfHost } from './lab-description.ts';
import { signalProcess, whenEnded } from './processes.ts';
import { run, succeeds } from './run.ts';
import { initRole, processesOf } from './spawn-in-host.ts';

const cutTable = 'novaflow_lab_cut';
const apartTable = 'novaflow_lab_apart';

/** Kills everything of a host at once: libvirtd, QEMUs, workers. Its disks stay; it answers nobody until `returnHost`. */
export async function loseHost(host: LabHost): Promise<void> {
  const processes = await processesOf(host);
  // With process 1 of a pid namespace the kernel ends all others of it.
  for (const init of processes.filter(({ role }) => role === initRole)) signalProcess(init, 'SIGKILL');
  await Promise.all(processes.map((process) => whenEnded(process)));
}

/** Boots a lost host again: libvirtd answers, no guest runs, the network is as new. */
export async function returnHost(host: LabHost): Promise<void> {
  if ((await processesOf(host)).length > 0) throw new Error(`host ${host.name} is up: lose it first`);
  const state = await stateOfHost(host);
  await bootHost(state.lab, state.host);
}

/** Loses a host and everything that its instances' disk had not been told to keep. It stays down until `returnHost`. */
export async function powerLoss(host: LabHost): Promise<void> {
  const { lab } = await stateOfHost(host);
  await loseHost(host);
  await losePowerOfInstancesDisk(lab, host.name);
}

/** Drops, without a word, all packets between a host and the machine, where forwarders listen; its guests and the other hosts are still reached. */
export async function cutOff(host: LabHost): Promise<void> {
  const { lab } = await stateOfHost(host);
  await dropPackets(host, cutTable, lab.gateway);
}

/** Ends what `cutOff` did; nothing to do when the host is not cut off. */
export async function reconnect(host: LabHost): Promise<void> {
  await passPackets(host, cutTable);
}

/** Drops, without a word, all packets between two hosts; the machine still reaches both. */
export async function cutApart(host: LabHost, other: LabHost): Promise<void> {
  await dropPackets(host, apartTable, other.address);
}

/** Ends what `cutApart` did to its first host; nothing to do when it is not cut from another. */
export async function rejoin(host: LabHost): Promise<void> {
  await passPackets(host, apartTable);
}

async function dropPackets(host: LabHost, table: string, address: string): Promise<void> {
  const rules = [
    `add table inet ${table}`,
    `add chain inet ${table} in { type filter hook input priority -300; }`,
    `add chain inet ${table} out { type filter hook output priority -300; }`,
    `add rule inet ${table} in ip saddr ${address} drop`,
    `add rule inet ${table} out ip daddr ${address} drop`,
  ];
  await run('ip', ['netns', 'exec', host.netns, 'nft', '-f', '-'], { input: `${rules.join('\n')}\n` });
}

async function passPackets(host: LabHost, table: string): Promise<void> {
  await succeeds('ip', ['netns', 'exec', host.netns, 'nft', 'delete', 'table', 'inet', table]);
}
