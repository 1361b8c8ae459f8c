import { type Config, ConfigError } from '../config.ts';
import type { Libvirt } from '../libvirt/index.ts';
import { cpusIn } from '../model/cpus/cpu-set.ts';
import { type GuestCpus, guestCpusOf, type HostCpu } from '../model/cpus/guest-cpus.ts';
import { childrenOf, descendantsOf, rootOf } from '../model/xml-tree.ts';

/** Which of this host's CPUs are for which guests; null where nothing is said of them. Throws a `ConfigError` that names CPUs it has not. */
export type AskGuestCpus = () => Promise<GuestCpus | null>;

/** Asks libvirt once: the answer is that of the worker's start. */
export function guestCpus(libvirt: Libvirt, { cpuDedicatedSet, cpuSharedSet }: Config['host']): AskGuestCpus {
  const sets = { dedicated: setOf(cpuDedicatedSet), shared: setOf(cpuSharedSet) };
  let asked: Promise<GuestCpus | null> | null = null;
  return () => {
    if (sets.dedicated === null && sets.shared === null) return Promise.resolve(null);
    asked ??= cpusOfHost(libvirt)
      .then((cpus) => guestCpusOf(sets, cpus))
      .catch((error: unknown) => {
        asked = null;
        throw error instanceof RangeError ? new ConfigError(error.message) : error;
      });
    return asked;
  };
}

function setOf(text: string | null): readonly number[] | null {
  return text === null ? null : cpusIn(text);
}

async function cpusOfHost(libvirt: Libvirt): Promise<readonly HostCpu[]> {
  const [host] = childrenOf(rootOf(await libvirt.connectGetCapabilities({})));
  if (host === undefined) throw new TypeError('the capabilities that libvirt gave name no host');
  return descendantsOf(host, 'cell').flatMap((cell) =>
    descendantsOf(cell, 'cpu').map(({ attributes: { id, siblings = id } }) => ({
      cpu: Number(id),
      cell: Number(cell.attributes['id']),
      siblings: cpusIn(siblings ?? '') ?? [Number(id)],
    })),
  );
}
