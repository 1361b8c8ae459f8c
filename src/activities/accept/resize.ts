import type { Config } from '../../config.ts';
import type { Flavor } from '../../model/flavor.ts';
import type { Image } from '../../model/image.ts';
import type { Instance } from '../../model/instance.ts';
import type { OnFailure } from '../../model/operation.ts';
import type { PlacementRequest } from '../../model/placement-request.ts';
import { refusalToResize } from '../../model/resize/problems.ts';
import { shutdownSecondsOf } from '../../model/shutdown-timeout.ts';
import type { RemovedHost } from '../../scheduler/decision.ts';
import type { Vif } from '../addresses.ts';
import { fail } from '../record-client.ts';
import { placementOf, requireHost } from './destination.ts';
import { flavorNamed, requireHardware, requireNoDevices } from './flavors.ts';
import { type AcceptedGuest, hostOf, vifsOfPorts } from './guest.ts';
import { type BootImages, bootImages } from './images.ts';
import { type AcceptInput, invalid, parsed } from './parse.ts';
import { begun } from './take-over.ts';
import { visibleInstance } from './whose.ts';

export interface AcceptedResize extends AcceptedGuest {
  /** That it is to have; a cold migration keeps its own. */
  readonly flavor: Flavor;
  readonly image: BootImages;
  readonly vifs: readonly Vif[];
  readonly wanted: PlacementRequest;
  /** Hosts that it must not come to, and why. */
  readonly turned: readonly RemovedHost[];
  /** What an administrator asked for, or null. */
  readonly onlyOn: string | null;
  /** Whether the hosts are asked how their directories stand to each other. Absent in runs of before they could be: they shared one. */
  readonly asksForStorage?: boolean;
  /** Whether what the guest need not wait for is done while it runs. Absent in runs of before 0.2. */
  readonly preparesEarly?: true;
  /** Whether what need not wait for one another is asked at the same time. Absent in runs of before 0.2. */
  readonly asksAtOnce?: true;
  /** Whether one step defines the guest and has it run. Absent in runs of before 0.2. */
  readonly bootsAtOnce?: true;
  /** 0: the guest is not asked to shut down. */
  readonly timeoutSeconds: number;
  readonly retrySeconds: number;
  /** What becomes of a step that is out of retries once the guest is touched. */
  readonly laterOnFailure: OnFailure;
  /** After which it is confirmed; 0: never by itself. */
  readonly confirmWindowSeconds: number;
}

export interface AcceptResizeActivities {
  /** Checks a resize or a cold migration and takes the instance. Raises every refusal with nothing touched. Repeatable. */
  acceptResize(input: AcceptInput & { type: 'resizeInstance' | 'migrateInstance' }): Promise<AcceptedResize>;
}

type ResizeConfig = Pick<
  Config,
  'flavors' | 'shutdownTimeoutSeconds' | 'shutdownRetrySeconds' | 'allowResizeToSameHost' | 'resizeConfirmWindowSeconds'
>;

interface Wish {
  readonly instanceId: string;
  readonly flavor?: string | Flavor;
  readonly host?: string;
  readonly confirmWindowSeconds?: number;
  readonly onFailure?: OnFailure;
}

export function acceptResizeActivities(config: ResizeConfig): AcceptResizeActivities {
  return {
    acceptResize: async ({ type, request, firstRunId }) => {
      const asked: Wish = type === 'resizeInstance' ? parsed('resizeInstance', request) : parsed('migrateInstance', request);
      const { instanceId, host: onlyOn = null, confirmWindowSeconds = config.resizeConfirmWindowSeconds } = asked;
      const before = await visibleInstance(instanceId);
      if (before.image === null) throw fail('ImageNotFound', `instance ${before.name} has no image`);
      const [{ image, minimum }, vifs] = await Promise.all([
        bootImages(before.image),
        vifsOfPorts(before.ports),
        onlyOn === null ? null : requireHost(onlyOn),
      ]);
      const flavor = asked.flavor === undefined ? before.flavor : flavorNamed(asked.flavor, config.flavors);
      if (asked.flavor !== undefined) requireFlavor(before, flavor, image, minimum);
      const turned = turnedBy(before, asked);
      if (onlyOn !== null && turned.some(({ host }) => host === onlyOn)) throw invalid('host', `is where the instance is: ${why(asked)}`);

      const { token, record: instance } = await begun({ type, action: type, instanceId, firstRunId });
      return {
        token,
        // As long as nothing is touched an operator has nothing to decide.
        onFailure: asked.onFailure ?? 'rollback',
        laterOnFailure: asked.onFailure ?? 'park',
        instance,
        host: hostOf(instance),
        flavor,
        image,
        vifs,
        wanted: placementOf(instance, flavor, image),
        turned,
        onlyOn,
        asksForStorage: true,
        preparesEarly: true,
        asksAtOnce: true,
        bootsAtOnce: true,
        timeoutSeconds: shutdownSecondsOf(image.properties, config.shutdownTimeoutSeconds),
        retrySeconds: config.shutdownRetrySeconds,
        confirmWindowSeconds,
      };
    },
  };

  function turnedBy({ host }: Instance, asked: Wish): readonly RemovedHost[] {
    const mayStay = asked.flavor !== undefined && config.allowResizeToSameHost;
    return host === null || mayStay ? [] : [{ host, filter: 'source', reason: `${host}: ${why(asked)}` }];
  }
}

function why({ flavor }: Wish): string {
  return flavor === undefined ? 'a migration goes to another host' : 'resizes to the same host are not allowed (allowResizeToSameHost)';
}

/** Whether the instance can have the flavor on any host. */
function requireFlavor(instance: Instance, flavor: Flavor, image: BootImages, minimum: Image): void {
  requireNoDevices(flavor);
  requireHardware({ properties: image.properties, extraSpecs: flavor.extraSpecs, vcpus: flavor.vcpus });
  const refused = refusalToResize({ instance, flavor, minimum });
  if (refused !== null) throw fail(refused.type, refused.message, refused.details);
}
