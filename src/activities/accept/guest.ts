import type { Config } from '../../config.ts';
import type { Instance, Port } from '../../model/instance.ts';
import type { Network } from '../../model/network.ts';
import type { Accepted, OnFailure } from '../../model/operation.ts';
import type { Vif } from '../addresses.ts';
import { fail, queryRecord } from '../record-client.ts';
import type { VifPlug } from '../vifs.ts';
import { type AcceptInput, parsed } from './parse.ts';
import { begun } from './take-over.ts';

/** An operation on a guest that is on a host. */
export interface AcceptedGuest extends Accepted {
  readonly instance: Instance;
  readonly host: string;
}

/** One that starts the guest: what has to be plugged before it runs. */
export interface AcceptedBoot extends AcceptedGuest {
  readonly vifs: readonly Vif[];
  readonly vifPlug: VifPlug;
}

/** One that ends it: how long it is asked to end by itself. */
export interface AcceptedStop extends AcceptedGuest {
  /** 0: it is not asked. */
  readonly timeoutSeconds: number;
  readonly retrySeconds: number;
}

export interface AcceptGuestActivities {
  /** Takes an instance to start its guest. Raises its refusals with nothing touched, as all of these. Repeatable. */
  acceptStart(input: AcceptInput): Promise<AcceptedBoot>;
  /** Takes an instance to stop its guest. Repeatable. */
  acceptStop(input: AcceptInput): Promise<AcceptedStop>;
}

type GuestConfig = Pick<Config, 'vifPlugTimeoutSeconds' | 'vifPlugIsFatal' | 'shutdownTimeoutSeconds' | 'shutdownRetrySeconds'>;

export function acceptGuestActivities(config: GuestConfig): AcceptGuestActivities {
  const vifPlug: VifPlug = { timeoutSeconds: config.vifPlugTimeoutSeconds, isFatal: config.vifPlugIsFatal };

  return {
    acceptStart: async ({ request, firstRunId }) => {
      const asked = parsed('startInstance', request);
      const vifs = await vifsOf(asked.instanceId);
      return { ...(await taken('startInstance', asked, firstRunId)), vifs, vifPlug };
    },
    acceptStop: async ({ request, firstRunId }) => {
      const asked = parsed('stopInstance', request);
      const timeoutSeconds = asked.mode === 'hard' ? 0 : (asked.timeoutSeconds ?? config.shutdownTimeoutSeconds);
      return { ...(await taken('stopInstance', asked, firstRunId)), timeoutSeconds, retrySeconds: config.shutdownRetrySeconds };
    },
  };
}

type GuestAction = 'startInstance' | 'stopInstance';

/** The instance, taken; the state machine lets these actions begin on a host only. */
async function taken(
  type: GuestAction,
  { instanceId, onFailure = 'park' }: { instanceId: string; onFailure?: OnFailure },
  firstRunId: string,
): Promise<AcceptedGuest> {
  const { token, record } = await begun({ type, action: type, instanceId, firstRunId });
  return { token, onFailure, instance: record, host: record.host ?? '' };
}

/** The ports of an instance as its host plugs them. Looked up before the instance is taken: what is refused afterwards would leave it held. */
async function vifsOf(instanceId: string): Promise<readonly Vif[]> {
  const instance = await queryRecord<Instance>('instance', instanceId);
  return Promise.all((instance?.ports ?? []).map(vifOf));
}

async function vifOf(port: Port): Promise<Vif> {
  const network = await queryRecord<Network>('network', port.network);
  if (network === null) throw fail('NetworkNotFound', `there is no network ${port.network}`);
  const { bridge, mtu, dns } = network;
  return { port, bridge, mtu, dns };
}
