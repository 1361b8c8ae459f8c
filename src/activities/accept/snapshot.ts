import type { Config } from '../../config.ts';
import { isYes } from '../../model/hardware/hardware.ts';
import type { Image } from '../../model/image.ts';
import type { BeginImage, BegunImage, NewImage } from '../../model/image-record.ts';
import type { Disk, Instance } from '../../model/instance.ts';
import { refusalForeseen } from '../../model/instance-record.ts';
import { formatOfImage, minRootGiBOf, type SnapshotFormat, snapshotProperties } from '../../model/snapshot.ts';
import { snapshotMode, type WantedSnapshotMode } from '../../model/snapshot-mode.ts';
import type { Token } from '../../model/tenure.ts';
import type { Action } from '../../model/transitions.ts';
import type { RequestOf } from '../../schema/request.ts';
import { currentContext } from '../context.ts';
import { fail, queryRecord, updateWithStart } from '../record-client.ts';
import { runOf } from '../records.ts';
import { closeImage } from '../snapshot/image.ts';
import { type AcceptedBoot, hostOf, vifsOfPorts } from './guest.ts';
import { type AcceptInput, invalid, parsed } from './parse.ts';
import { begun } from './take-over.ts';
import { visibleInstance } from './whose.ts';

/** An image that is made from an instance's root disk. */
export interface Snapshot {
  readonly imageId: string;
  /** With which the image's record is held. */
  readonly imageToken: Token;
  /** As recorded: nothing of it is ever guessed. */
  readonly disk: Disk;
  readonly format: SnapshotFormat;
  readonly isCompressed: boolean;
  /** How it is to be taken; absent in runs of before live snapshots, which are cold. */
  readonly taking?: Taking;
  /** Whether the image's record is told that it is being stored while its bytes are extracted. Absent in runs of before 0.2. */
  readonly savesEarly?: true;
  /** Whether what need not wait for one another is asked and done at the same time. Absent in runs of before 0.2. */
  readonly asksAtOnce?: true;
}

/** What decides, with what the guest and its host are by then, how a snapshot is taken. */
export interface Taking {
  readonly wanted: WantedSnapshotMode;
  readonly isEncrypted: boolean;
  /** The image's `os_require_quiesce`. */
  readonly mustQuiesce: boolean;
}

/** The guest may have to be started again. */
export interface AcceptedSnapshot extends AcceptedBoot {
  readonly snapshot: Snapshot;
}

export interface AcceptedBackup extends AcceptedSnapshot {
  readonly backupType: string;
  /** How many of the type are kept. */
  readonly rotation: number;
}

export interface AcceptSnapshotActivities {
  /**
   * Makes the record of the image, `queued`, and takes the instance that it is made from. What is refused leaves no image; one that began
   * in the moment in which another operation took the instance is killed. Raises `ImageExists` and what taking an instance raises. Repeatable.
   */
  acceptSnapshot(input: AcceptInput): Promise<AcceptedSnapshot>;
  /** The same for a backup. */
  acceptBackup(input: AcceptInput): Promise<AcceptedBackup>;
}

type Asked = RequestOf<'snapshotInstance'> & { readonly backupType?: string };

export function acceptSnapshotActivities(config: Pick<Config, 'vifPlugTimeoutSeconds' | 'vifPlugIsFatal'>): AcceptSnapshotActivities {
  const vifPlug = { timeoutSeconds: config.vifPlugTimeoutSeconds, isFatal: config.vifPlugIsFatal };

  return {
    acceptSnapshot: ({ request, firstRunId }) => taken('snapshotInstance', parsed('snapshotInstance', request), firstRunId),

    acceptBackup: async ({ request, firstRunId }) => {
      const { rotation, ...asked } = parsed('backupInstance', request);
      return { ...(await taken('backupInstance', asked, firstRunId)), backupType: asked.backupType, rotation };
    },
  };

  async function taken(action: Action, asked: Asked, firstRunId: string): Promise<AcceptedSnapshot> {
    const { instanceId, compress: isCompressed = false, onFailure = 'rollback' } = asked;
    const instance = await visibleInstance(instanceId);
    const foreseen = refusalForeseen(action, instance, currentContext(), runOf(firstRunId).workflowId);
    if (foreseen !== null) throw fail(foreseen.type, foreseen.message, foreseen.details);
    const disk = rootDiskOf(instance);
    const format = asked.format ?? formatOfImage(disk);
    if (isCompressed && format === 'raw')
      throw invalid('compress', 'must not be true: a raw image has no compressed form, give format qcow2');
    const [base, vifs] = await Promise.all([
      instance.image === null ? null : queryRecord<Image>('image', instance.image),
      vifsOfPorts(instance.ports),
    ]);
    const taking = takingOf(asked, instance, disk, base);
    const image = imageOf(instance, disk, base, { ...asked, format }, firstRunId);
    const imageToken = await queued(action, image, firstRunId);
    const { token, record } = await begun({ type: action, action, instanceId, firstRunId }).catch(async (refusal: unknown) => {
      await closeImage({ imageId: image.id, firstRunId, end: 'failed', changes: { status: 'killed' }, isOver: true });
      throw refusal;
    });
    const snapshot: Snapshot = { imageId: image.id, imageToken, disk, format, isCompressed, taking, savesEarly: true, asksAtOnce: true };
    return { token, onFailure, letsGoEarly: true, instance: record, host: hostOf(record), vifs, vifPlug, snapshot };
  }
}

function rootDiskOf({ name, disks }: Instance): Disk {
  const root = disks.find((disk) => disk.name === 'disk');
  if (root === undefined) throw new Error(`instance ${name} has no root disk`);
  return root;
}

/** How it is to be taken. What the host would refuse by the record alone is refused before there is an image. */
function takingOf(
  { mode: wanted = 'auto' }: Asked,
  { vmState, powerState }: Instance,
  { kind: backend }: Disk,
  base: Image | null,
): Taking {
  const isSet = (property: string) => isYes(base?.properties[property]);
  const isEncrypted = isSet('hw_ephemeral_encryption');
  const { refusal } = snapshotMode({
    ...{ wanted, backend, isEncrypted, hypervisor: 'qemu', isLiveDisabled: false, probeCode: null },
    powerState: vmState === 'active' ? 'running' : powerState,
  });
  if (refusal !== null) throw invalid('mode', refusal);
  return { wanted, isEncrypted, mustQuiesce: isSet('os_require_quiesce') };
}

function imageOf(
  instance: Instance,
  root: Disk,
  base: Image | null,
  { name, imageId, properties = {}, format, backupType }: Asked & { readonly format: SnapshotFormat },
  firstRunId: string,
): NewImage {
  const all = snapshotProperties(instance, root, base?.properties ?? {}, properties, backupType ?? null);
  if (Object.keys(all).length > maxProperties) {
    throw invalid(
      'properties',
      `must be fewer: with those of the instance's image there are ${Object.keys(all).length}, at most ${maxProperties}`,
    );
  }
  return {
    id: imageId ?? firstRunId,
    name,
    diskFormat: format,
    minRootGiB: minRootGiBOf(root),
    minMemoryMiB: base?.minMemoryMiB ?? 0,
    kernelId: base?.kernelId ?? null,
    ramdiskId: base?.ramdiskId ?? null,
    properties: all,
  };
}

/** The contract's limit for any map of strings. */
const maxProperties = 64;

async function queued(type: Action, create: NewImage, firstRunId: string): Promise<Token> {
  const { userId } = currentContext();
  const begin: BeginImage = { run: runOf(firstRunId), type, userId, create };
  const existed = fail('ImageExists', `image ${create.id} existed before: leave imageId out, or choose another`);
  const { token } = await updateWithStart<BegunImage>('image', create.id, 'begin', begin, existed);
  return token;
}
