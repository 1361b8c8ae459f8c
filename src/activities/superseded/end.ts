import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import type { Logger } from '@temporalio/worker';
import type { Config } from '../../config.ts';
import type { Libvirt } from '../../libvirt/index.ts';
import type { Instance } from '../../model/instance.ts';
import { isSuperseded } from '../../model/superseded.ts';
import { concurrently } from '../concurrently.ts';
import { readGeneration } from '../generation.ts';
import type { WhileHolding } from '../holding.ts';
import { listDomains } from '../host-listing/domains.ts';
import { queryRecord } from '../record-client.ts';
import { noteSuperseded, readSuperseded } from './note.ts';

const atOnce = 8;

/** Destroys the guests that run here and belong elsewhere, or nowhere, by now; called when a host comes back. */
export type EndSuperseded = (by: Client) => Promise<void>;

/** Their disks and definitions stay for a while: what they wrote while the host was away is only here. `verify` finds them. */
export function endSupersededGuests(
  { host, instancesDir }: Pick<Config, 'host' | 'instancesDir'>,
  libvirt: Libvirt,
  whileHolding: WhileHolding,
  log: Logger,
): EndSuperseded {
  return async (by) => {
    const on = (await listDomains(libvirt)).filter(({ powerState }) => powerState === 'running' || powerState === 'paused');
    await concurrently(on, atOnce, ({ instanceId }) => endIfSuperseded(instanceId, by));
  };

  async function endIfSuperseded(instanceId: string, by: Client): Promise<void> {
    const directory = join(instancesDir, instanceId);
    // Once it is noted the generation is the newer one: what died before the guest was ended would leave it running for good.
    const known = (await readSuperseded(directory))?.known ?? (await readGeneration(directory))?.generation ?? 0;
    const instance = await queryRecord<Instance>('instance', instanceId, by);
    if (instance === null || !isSuperseded(instance, host.name, known)) return;
    const token = { run: instance.recent.at(-1)?.runId ?? '', generation: instance.generation };
    await noteSuperseded(directory, { since: new Date().toISOString(), known, token });
    await whileHolding(instanceId, token, () => libvirt.domainDestroyFlags({ dom: { uuid: instanceId } }));
    log.warn('a guest that belongs elsewhere by now was destroyed', { instanceId, belongsTo: instance.host, vmState: instance.vmState });
  }
}
