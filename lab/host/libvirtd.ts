import type { LabHost } from '../lab-description.ts';
import { type HostProcess, notedProcesses, signalProcess, whenEnded } from '../processes.ts';
import { succeeds } from '../run.ts';
import { spawnInHost } from '../spawn-in-host.ts';
import { until } from '../wait.ts';

const role = 'libvirtd';

/** Starts a host's libvirtd and returns when it answers; raises an error when one runs already. */
export async function startLibvirtd(host: LabHost, signal?: AbortSignal): Promise<void> {
  // A second libvirtd fails on the pid file and deletes the sockets of the first.
  if ((await libvirtdOf(host)) !== null) throw new Error(`libvirtd of ${host.name} runs already`);
  await spawnInHost(host, ['libvirtd', '--listen', '--pid-file', '/run/libvirtd.pid'], { role, logFile: `${host.runDir}/libvirtd.out` });
  await until(async () => ((await isAnswering(host)) ? true : null), {
    what: `an answer of libvirtd of ${host.name}`,
    timeoutMs: 20_000,
    signal,
  });
}

/** Ends a host's libvirtd as a service manager does; its guests go on. Nothing to do when it is dead. */
export async function stopLibvirtd(host: LabHost): Promise<void> {
  await endLibvirtd(host, 'SIGTERM');
}

/** Kills a host's libvirtd at once; its guests go on, and it stays dead until `startLibvirtd`. */
export async function killLibvirtd(host: LabHost): Promise<void> {
  await endLibvirtd(host, 'SIGKILL');
}

/** Ends a host's libvirtd and starts it again; its guests go on. */
export async function restartLibvirtd(host: LabHost): Promise<void> {
  await stopLibvirtd(host);
  await startLibvirtd(host);
}

/** Whether a host's libvirtd answers. */
export async function isAnswering(host: LabHost): Promise<boolean> {
  return await succeeds('virsh', ['-c', host.libvirtUri, 'version']);
}

/** A host's libvirtd process, or null when it is dead. */
export async function libvirtdOf(host: LabHost): Promise<HostProcess | null> {
  return (await notedProcesses(host.lab)).find((process) => process.host === host.name && process.role === role) ?? null;
}

async function endLibvirtd(host: LabHost, signal: NodeJS.Signals): Promise<void> {
  const libvirtd = await libvirtdOf(host);
  if (libvirtd === null) return;
  signalProcess(libvirtd, signal);
  await whenEnded(libvirtd, 30_000);
}
