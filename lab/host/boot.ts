import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { instancesDirOf } from '../instances-disk.ts';
import { describeHost } from '../lab-description.ts';
import { dataDirOf, labVariable, netnsOf } from '../names.ts';
import { launch } from '../run.ts';
import { noteInit } from '../spawn-in-host.ts';
import type { HostState, LabState } from '../state.ts';
import { until } from '../wait.ts';
import { plugHost } from '../wires.ts';
import { startLibvirtd } from './libvirtd.ts';
import { clearRun, hostDirs } from './prepare.ts';

const initScript = join(import.meta.dirname, 'init.sh');

/** Boots a host: its network, its namespaces and its libvirtd; returns when libvirtd answers. */
export async function bootHost(lab: LabState, host: HostState, signal?: AbortSignal): Promise<void> {
  await plugHost(lab, host);
  await clearRun(lab.name, host.name);
  const { root, run } = hostDirs(lab.name, host.name);
  const starter = await launch(
    [
      ...['ip', 'netns', 'exec', netnsOf(lab.name, host.name)],
      ...['unshare', '--mount', '--uts', '--ipc', '--pid', '--fork', '--kill-child', '--'],
      ...['sh', initScript, root, host.name, instancesDirOf(lab, host.name), dataDirOf(lab.name)],
    ],
    { env: { [labVariable]: lab.name }, logFile: join(root, 'init.log') },
  );
  await until(() => (existsSync(join(run, 'booted')) ? true : null), {
    what: `${host.name}, see ${join(root, 'init.log')},`,
    timeoutMs: 10_000,
    signal,
  });
  await noteInit({ lab: lab.name, name: host.name }, starter);
  await startLibvirtd(describeHost(lab, host), signal);
}
