import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import type { Logger } from '@temporalio/worker';
import type { Config } from '../../config.ts';
import type { Libvirt } from '../../libvirt/index.ts';
import type { Instance } from '../../model/instance.ts';
import { literal } from '../../model/list-query.ts';
import { isOn } from '../../model/power-state.ts';
import { searchAttributes } from '../../model/search-attributes.ts';
import { isSuperseded } from '../../model/superseded.ts';
import { concurrently } from '../concurrently.ts';
import { readGeneration } from '../generation.ts';
import type { WhileHolding } from '../holding.ts';
import { listDomains } from '../host-listing/domains.ts';
import { namesOf } from '../listing.ts';
import { queryRecord } from '../record-client.ts';
import { noteSuperseded, readSuperseded } from './note.ts';

const atOnce = 8;

/** Destroys the guests that run here and belong elsewhere, or nowhere, by now, and notes those that are off; called when a host comes back. */
export type EndSuperseded = (by: Client) => Promise<void>;

/** Their disks and definitions stay for a while: what they wrote while the host was away is only here. `verify` finds them. */
export function endSupersededGuests(
  { host, instancesDir }: Pick<Config, 'host' | 'instancesDir'>,
  libvirt: Libvirt,
  whileHolding: WhileHolding,
  log: Logger,
): EndSuperseded {
  return async (by) => {
    const [domains, ownIds] = await Promise.all([
      listDomains(libvirt),
      namesOf('instance', `${searchAttributes.computeHost.name} = ${literal(host.name)}`, by),
    ]);
    const own = new Set(ownIds);
    // Lists may be late: of a guest that runs its record is asked.
    const suspects = domains.filter(({ instanceId, powerState }) => isOn(powerState) || !own.has(instanceId));
    await concurrently(suspects, atOnce, async ({ instanceId, powerState }) =>
      endIfSuperseded(instanceId, isOn(powerState), by).catch((error: unknown) =>
        log.warn('a guest that may belong elsewhere could not be ended', { instanceId, error }),
      ),
    );
  };

  async function endIfSuperseded(instanceId: string, isRunning: boolean, by: Client): Promise<void> {
    const directory = join(instancesDir, instanceId);
    const { known, isNoted } = await knownIn(directory);
    const instance = await queryRecord<Instance>('instance', instanceId, by);
    if (instance === null || !isSuperseded(instance, host.name, known)) return;
    const token = { run: instance.recent.at(-1)?.runId ?? '', generation: instance.generation };
    if (!isNoted) await noteSuperseded(directory, { since: new Date().toISOString(), known, token });
    if (!isRunning) return;
    await whileHolding(instanceId, token, () => libvirt.domainDestroyFlags({ dom: { uuid: instanceId } }));
    log.warn('a guest that belongs elsewhere by now was destroyed', { instanceId, belongsTo: instance.host, vmState: instance.vmState });
  }
}

/**
 * Under which generation the instance was last acted on here. Once a guest is noted its generation file may have the newer one: what died
 * before the guest was ended would leave it running for good. A note that something was done after is an old one.
 */
async function knownIn(directory: string): Promise<{ readonly known: number; readonly isNoted: boolean }> {
  const [note, acted] = await Promise.all([readSuperseded(directory), readGeneration(directory)]);
  const generation = acted?.generation ?? 0;
  const isNoted = note !== null && generation <= note.token.generation;
  return { known: isNoted ? note.known : generation, isNoted };
}
