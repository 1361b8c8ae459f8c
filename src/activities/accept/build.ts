import type { Config } from '../../config.ts';
import { configDriveLabelOf, configDriveLabelProperty, configDriveLabels } from '../../model/config-drive.ts';
import { fileSystems } from '../../model/file-systems.ts';
import type { Flavor } from '../../model/flavor.ts';
import type { Image } from '../../model/image.ts';
import type { Instance } from '../../model/instance.ts';
import type { Begin, Begun } from '../../model/instance-record.ts';
import { blockDeviceProblems, type LocalDisks, localDisksOf, unknownFormats } from '../../model/local-disks.ts';
import type { Accepted } from '../../model/operation.ts';
import type { PlacementRequest } from '../../model/placement-request.ts';
import { requestFaults } from '../../model/request-faults.ts';
import { type Secrets, secretsOf } from '../../model/secrets.ts';
import { sentenceOf } from '../../schema/parse.ts';
import type { BuildInstanceRequest } from '../../schema/request.ts';
import { currentContext } from '../context.ts';
import { fail, updateWithStart } from '../record-client.ts';
import { runOf } from '../records.ts';
import type { VifPlug } from '../vifs.ts';
import { placementOf } from './destination.ts';
import { flavorNamed, requireHardware, requireNoDevices } from './flavors.ts';
import { type BootImages, bootImages } from './images.ts';
import { type AcceptInput, invalid, parsed } from './parse.ts';
import { type WantedPort, wantedPorts } from './ports.ts';
import { requireSealed } from './sealed.ts';

export interface AcceptedBuild extends Accepted {
  readonly instance: Instance;
  readonly image: BootImages;
  readonly wanted: PlacementRequest;
  readonly wantedPorts: readonly WantedPort[];
  readonly publicKeys: readonly string[];
  readonly hasConfigDrive: boolean;
  readonly localDisks: LocalDisks;
  /** Absent in runs of before 0.2. Encrypted in the history when there are any. */
  readonly secrets?: Secrets;
  readonly vifPlug: VifPlug;
  /** How many hosts may be tried, and which failures are not of a host. Absent in runs of before 0.2, which try one. */
  readonly attempts?: { readonly max: number; readonly requestFaults: readonly string[] };
}

export interface AcceptBuildActivities {
  /** Checks a build, makes its record and takes it. Raises every refusal a build has, with nothing made. Repeatable. */
  acceptBuild(input: AcceptInput): Promise<AcceptedBuild>;
}

type BuildConfig = Pick<Config, 'flavors' | 'vifPlugTimeoutSeconds' | 'vifPlugIsFatal' | 'scheduler'>;

export function acceptBuildActivities({ flavors, vifPlugTimeoutSeconds, vifPlugIsFatal, scheduler }: BuildConfig): AcceptBuildActivities {
  return {
    acceptBuild: async ({ request, firstRunId }) => {
      const { userId, projectId, isAdmin } = currentContext();
      const asked = parsed('buildInstance', request);
      await requireSealed(asked);
      const id = asked.instanceId ?? firstRunId;
      const availabilityZone = asked.availabilityZone ?? null;
      const flavor = flavorNamed(asked.flavor, flavors);
      const [{ image, minimum }, ports] = await Promise.all([bootImages(asked.image), wantedPorts(id, asked.networks ?? 'auto')]);
      requireNoDevices(flavor);
      requireHardware({ properties: image.properties, extraSpecs: flavor.extraSpecs, vcpus: flavor.vcpus });
      requireFit(flavor, image.root.virtualSizeBytes, minimum);
      const localDisks = localDisksWanted(flavor, asked);
      requireLabel(image);

      const { name, metadata = {} } = asked;
      const begin: Begin = {
        run: runOf(firstRunId),
        type: 'buildInstance',
        part: 1,
        userId,
        taskState: 'scheduling',
        isAdmin,
        takeOver: false,
        create: { id, name, projectId, userId, flavor, image: image.root.id, availabilityZone, metadata },
      };
      const existed = fail('InstanceExists', `instance ${id} existed before: leave instanceId out, or choose another`);
      const { token, record } = await updateWithStart<Begun>('instance', id, 'begin', begin, existed);
      return {
        token,
        onFailure: asked.onFailure ?? 'rollback',
        instance: record,
        image,
        wanted: {
          ...placementOf({ availabilityZone, projectId }, flavor, image),
          ...(asked.hints === undefined ? {} : { hints: asked.hints }),
        },
        wantedPorts: ports,
        publicKeys: asked.publicKeys ?? [],
        hasConfigDrive: asked.configDrive ?? true,
        localDisks,
        secrets: secretsOf(asked),
        vifPlug: { timeoutSeconds: vifPlugTimeoutSeconds, isFatal: vifPlugIsFatal },
        // Who wants to see what failed does not want it tidied away.
        attempts: { max: asked.onFailure === 'park' ? 1 : scheduler.maxAttempts, requestFaults },
      };
    },
  };
}

/** Raises `InvalidBdmFormat`, `InvalidRequest` for block devices that cannot be made for this flavor. */
function localDisksWanted(flavor: Flavor, { image, blockDevices = [] }: BuildInstanceRequest): LocalDisks {
  const unknown = unknownFormats(blockDevices);
  if (unknown.length > 0) {
    throw fail('InvalidBdmFormat', `${sentenceOf(unknown)}: give swap, ${fileSystems.join(', ')}`, { fields: unknown });
  }
  const fields = blockDeviceProblems(flavor, image, blockDevices);
  if (fields.length > 0) throw fail('InvalidRequest', sentenceOf(fields), { fields });
  return localDisksOf(flavor, blockDevices);
}

/** Nova's `_check_image_size`: the image and its own minimum fit into the flavor. */
function requireFit(flavor: Flavor, virtualSizeBytes: number, minimum: Pick<Image, 'minRootGiB' | 'minMemoryMiB'>): void {
  const rootGiB = Math.max(minimum.minRootGiB, virtualSizeBytes / 1024 ** 3);
  if (flavor.rootGiB !== 0 && flavor.rootGiB < rootGiB) {
    throw fail(
      'FlavorDiskTooSmall',
      `flavor ${flavor.name} has a root disk of ${flavor.rootGiB} GiB, the image wants ${rootGiB.toFixed(2)} GiB`,
    );
  }
  if (flavor.memoryMiB < minimum.minMemoryMiB) {
    throw fail(
      'FlavorMemoryTooSmall',
      `flavor ${flavor.name} has ${flavor.memoryMiB} MiB of memory, the image wants ${minimum.minMemoryMiB} MiB`,
    );
  }
}

function requireLabel({ properties }: BootImages): void {
  if (configDriveLabelOf(properties) !== null) return;
  const wanted = properties[configDriveLabelProperty];
  throw invalid('image', `has ${configDriveLabelProperty} ${JSON.stringify(wanted)}: it must be ${configDriveLabels.join(' or ')}`);
}
