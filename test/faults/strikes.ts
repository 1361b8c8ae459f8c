import { killLibvirtd, processesOf, signalProcess, startLibvirtd, whenEnded } from '../../lab/lab.ts';
import { until } from '../../lab/wait.ts';
import type { Host } from '../../src/model/host.ts';
import type { OwnCloud } from '../lab/cloud-fixture.ts';
import type { Stopped } from './matrix.ts';

/** What happens while every operation of a matrix is stopped, each at a step of its own. */
export interface Strike {
  readonly strike: (own: OwnCloud, cases: readonly Stopped[]) => Promise<void>;
  /** What becomes of an operation that is struck: a cancel is heard by some steps and not by others. */
  readonly outcome: 'goes on' | 'is cancelled' | 'is terminated';
}

export const strikes: Readonly<Record<string, Strike>> = {
  'the compute workers are killed': { outcome: 'goes on', strike: (own) => killComputeWorkers(own, { withChildren: false }) },
  'the compute workers are killed with their children': {
    outcome: 'goes on',
    strike: (own) => killComputeWorkers(own, { withChildren: true }),
  },
  'the control worker is killed': {
    outcome: 'goes on',
    strike: async (own) => {
      signalProcess(own.workers.control, 'SIGKILL');
      await whenEnded(own.workers.control);
      await own.startControl();
    },
  },
  'Temporal is killed and restarted': {
    outcome: 'goes on',
    strike: async (own) => {
      await own.killServer();
      await own.startServer();
    },
  },
  'libvirtd is killed and restarted': {
    outcome: 'goes on',
    strike: async (own) => {
      const { cloud } = own;
      await Promise.all(cloud.lab.hosts.map((host) => killLibvirtd(host)));
      await Promise.all(cloud.lab.hosts.map((host) => startLibvirtd(host)));
      // A build that looks for a host while all are down finds none, rightly.
      for (const { name } of cloud.lab.hosts) await whenUpAgain(own, name);
    },
  },
  'they are cancelled': {
    outcome: 'is cancelled',
    strike: async (_own, cases) => {
      await Promise.all(cases.map(({ run }) => run.cancel()));
    },
  },
  'they are terminated': {
    outcome: 'is terminated',
    strike: async (_own, cases) => {
      await Promise.all(cases.map(({ run }) => run.terminate('by the test')));
    },
  },
};

/** How an operation ends that was struck at `step`; `hearsCancel`: whether a cancel is heard there. */
export function endOfStruck({ outcome }: Strike, hearsCancel: (step: string) => boolean): (step: string) => string {
  if (outcome === 'is terminated') return () => 'Terminated';
  return (step) => (outcome === 'is cancelled' && hearsCancel(step) ? 'Canceled' : 'completed');
}

function whenUpAgain({ client }: OwnCloud, host: string): Promise<Host> {
  const look = async () => {
    const record = await client.workflow.getHandle(`host/${host}`).query<Host>('record');
    return record.state === 'up' ? record : null;
  };
  return until(look, { what: `host ${host}`, timeoutMs: 60_000, intervalMs: 50 });
}

async function killComputeWorkers({ cloud, workers, startCompute }: OwnCloud, { withChildren }: { withChildren: boolean }): Promise<void> {
  for (const host of cloud.lab.hosts) {
    const worker = workers.compute.get(host.name);
    if (worker === undefined) throw new Error(`no worker on ${host.name}`);
    const children = withChildren ? (await processesOf(host)).filter(({ command }) => /qemu-img|genisoimage/.test(command)) : [];
    for (const process of [worker, ...children]) signalProcess(process, 'SIGKILL');
    await whenEnded(worker);
    await startCompute(host.name);
  }
}
