import type { Config } from '../../config.ts';
import type { Image } from '../../model/image.ts';
import type { Instance, Port } from '../../model/instance.ts';
import type { Network } from '../../model/network.ts';
import type { Accepted, OnFailure } from '../../model/operation.ts';
import { shutdownSecondsOf } from '../../model/shutdown-timeout.ts';
import type { Action } from '../../model/transitions.ts';
import type { Vif } from '../addresses.ts';
import { fail, queryRecord } from '../record-client.ts';
import type { VifPlug } from '../vifs.ts';
import { type BootImages, bootImages } from './images.ts';
import { type AcceptInput, parsed } from './parse.ts';
import { begun, begunByTakingOver } from './take-over.ts';

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

export interface AcceptedReboot extends AcceptedBoot, AcceptedStop {
  /** With which the domain is defined anew. */
  readonly image: BootImages;
}

/** Operations that need no more than the guest. */
export type PlainGuestOperation = 'pauseInstance' | 'unpauseInstance' | 'suspendInstance' | 'triggerCrashDump';
type BootingOperation = 'startInstance' | 'resumeInstance' | 'restoreInstance';

export interface AcceptGuestActivities {
  /** Takes an instance for something that needs its guest. Raises its refusals with nothing touched, as all of these. Repeatable. */
  acceptGuest(input: AcceptInput & { type: PlainGuestOperation }): Promise<AcceptedGuest>;
  /** Takes an instance to start its guest. Repeatable. */
  acceptStart(input: AcceptInput): Promise<AcceptedBoot>;
  /** Takes an instance to run its guest on from the memory that was saved. Repeatable. */
  acceptResume(input: AcceptInput): Promise<AcceptedBoot>;
  /** Takes an instance back from its soft delete. Repeatable. */
  acceptRestore(input: AcceptInput): Promise<AcceptedBoot>;
  /** Takes an instance to stop its guest. Repeatable. */
  acceptStop(input: AcceptInput): Promise<AcceptedStop>;
  /** Takes an instance to reboot its guest, hard from some operations that are under way too; heartbeats while they undo. Repeatable. */
  acceptReboot(input: AcceptInput): Promise<AcceptedReboot>;
}

type GuestConfig = Pick<
  Config,
  'vifPlugTimeoutSeconds' | 'vifPlugIsFatal' | 'shutdownTimeoutSeconds' | 'shutdownRetrySeconds' | 'softRebootTimeoutSeconds'
>;

export function acceptGuestActivities(config: GuestConfig): AcceptGuestActivities {
  const vifPlug: VifPlug = { timeoutSeconds: config.vifPlugTimeoutSeconds, isFatal: config.vifPlugIsFatal };
  const retrySeconds = config.shutdownRetrySeconds;

  return {
    acceptGuest: ({ type, request, firstRunId }) => taken(type, parsed(type, request), firstRunId),

    acceptStart: (input) => takenToBoot('startInstance', input),
    acceptResume: (input) => takenToBoot('resumeInstance', input),
    acceptRestore: (input) => takenToBoot('restoreInstance', input),

    acceptStop: async ({ request, firstRunId }) => {
      const asked = parsed('stopInstance', request);
      const timeoutSeconds = asked.mode === 'hard' ? 0 : (asked.timeoutSeconds ?? (await shutdownSecondsFor(asked.instanceId)));
      return { ...(await taken('stopInstance', asked, firstRunId)), timeoutSeconds, retrySeconds };
    },

    acceptReboot: async ({ request, firstRunId }) => {
      const { instanceId, mode, onFailure = 'park' } = parsed('rebootInstance', request);
      const [vifs, image] = await Promise.all([vifsOf(instanceId), imageOf(instanceId)]);
      const action: Action = `rebootInstance ${mode}`;
      const { begun: taken, gone } = await begunByTakingOver({ type: 'rebootInstance', action, instanceId, firstRunId });
      if (taken === null) throw fail('InstanceNotFound', `instance ${gone.name} is deleted`);
      const { token, record: instance } = taken;
      const timeoutSeconds = mode === 'hard' ? 0 : config.softRebootTimeoutSeconds;
      return { token, onFailure, instance, host: hostOf(instance), vifs, vifPlug, image, timeoutSeconds, retrySeconds };
    },
  };

  async function shutdownSecondsFor(instanceId: string): Promise<number> {
    const instance = await queryRecord<Instance>('instance', instanceId);
    const image = instance === null || instance.image === null ? null : await queryRecord<Image>('image', instance.image);
    return shutdownSecondsOf(image?.properties ?? {}, config.shutdownTimeoutSeconds);
  }

  async function takenToBoot(type: BootingOperation, { request, firstRunId }: AcceptInput): Promise<AcceptedBoot> {
    const asked = parsed(type, request);
    const vifs = await vifsOf(asked.instanceId);
    return { ...(await taken(type, asked, firstRunId)), vifs, vifPlug };
  }
}

/** Takes an instance that is idle, with its guest. */
export async function taken(
  type: PlainGuestOperation | BootingOperation | 'stopInstance' | 'setInstancePassword',
  { instanceId, onFailure = 'park' }: { instanceId: string; onFailure?: OnFailure },
  firstRunId: string,
): Promise<AcceptedGuest> {
  const { token, record } = await begun({ type, action: type, instanceId, firstRunId });
  return { token, onFailure, instance: record, host: hostOf(record) };
}

/** The host of an instance that is on one: the state machine lets operations on a guest begin on a host only. */
export function hostOf({ host, name }: Instance): string {
  if (host === null) throw new Error(`instance ${name} is on no host`);
  return host;
}

/** The ports of an instance as its host plugs them. Looked up before the instance is taken, as all that may be refused: afterwards it would stay held. */
export async function vifsOf(instanceId: string): Promise<readonly Vif[]> {
  const instance = await queryRecord<Instance>('instance', instanceId);
  return vifsOfPorts(instance?.ports ?? []);
}

/** The same for these ports. */
export function vifsOfPorts(ports: readonly Port[]): Promise<readonly Vif[]> {
  return Promise.all(ports.map(vifOf));
}

async function vifOf(port: Port): Promise<Vif> {
  const network = await queryRecord<Network>('network', port.network);
  if (network === null) throw fail('NetworkNotFound', `there is no network ${port.network}`);
  const { bridge, mtu, dns } = network;
  return { port, bridge, mtu, dns };
}

async function imageOf(instanceId: string): Promise<BootImages> {
  const instance = await queryRecord<Instance>('instance', instanceId);
  if (instance === null) throw fail('InstanceNotFound', `there is no instance ${instanceId}`);
  if (instance.image === null) throw fail('ImageNotFound', `instance ${instance.name} has no image`);
  return (await bootImages(instance.image)).image;
}
