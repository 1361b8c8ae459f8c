import { ApplicationFailure, CancelledFailure, patched, workflowInfo } from '@temporalio/workflow';
import type { AcceptedSnapshot } from '../activities/accept/snapshot.ts';
import type { Image } from '../model/image.ts';
import type { Instance, InstanceChanges } from '../model/instance.ts';
import { together } from '../model/together.ts';
import { runOncePlugged } from './boot.ts';
import type { Frame, Operation } from './operate.ts';
import { operateOnGuest } from './operate-on-guest.ts';
import { typeOf } from './outcome.ts';

/**
 * Makes an image from the root disk of an instance (Nova's `snapshot_instance`), whose task state walks as Nova's: image_snapshot_pending,
 * image_snapshot, image_pending_upload, image_uploading. The image's record is there first and is held as long as the instance. Failed or
 * cancelled it leaves no file, the record closed as `killed`, and the guest as it was.
 */
export function snapshotInstance(request: unknown): Promise<Image> {
  return makeImage<AcceptedSnapshot>({ type: 'snapshotInstance', request, accept: (control) => control.acceptSnapshot });
}

/** An operation that makes an image from an instance, and what it does when that is there. */
interface ImageOperation<Input extends AcceptedSnapshot> extends Pick<Operation<Input, InstanceChanges>, 'type' | 'request' | 'accept'> {
  /** Past the point of no return; what it answers is the result. */
  readonly afterwards?: (frame: Frame<InstanceChanges>, accepted: Input, image: Image) => Promise<Image>;
}

/** Makes an image, as an operation of this type. */
export async function makeImage<Input extends AcceptedSnapshot>({ afterwards, ...operation }: ImageOperation<Input>): Promise<Image> {
  const made = Promise.withResolvers<Image>();

  await operateOnGuest<Input>({
    ...operation,

    story: async (frame, accepted) => {
      const { control, longOnHost, whenHostReturns, undo, during, isCancelled, commit, lastly } = frame;
      const { instance, host, snapshot } = accepted;
      const { imageId, format } = snapshot;
      const held = { imageId, firstRunId: workflowInfo().firstExecutionRunId };
      const instanceId = instance.id;

      undo('close the image', () => control.dropImage(held));
      undo('remove what was extracted', () => whenHostReturns(host).removeSnapshot({ instanceId, imageId }));
      let { imageToken } = snapshot;
      const undoStored = () =>
        undo('remove what was stored', async () => {
          // A run that a reset made may come too late: what the one before it made is an image by now.
          const token = patched('snapshot: remove only what is no image') ? await control.giveUpImage(held) : imageToken;
          if (token !== null) await whenHostReturns(host).removeUploaded({ imageId, imageToken: token });
        });
      const save = async () => {
        imageToken = await control.saveImage(held);
      };
      const upload = () => longOnHost(host).uploadSnapshot({ instanceId, imageId, imageToken, format });

      const savesEarly = snapshot.savesEarly === true;
      if (savesEarly) undoStored(); // last of all: the guest goes on before
      const changes = await extract(frame, accepted, savesEarly ? save : async () => {});
      const uploading = { ...changes, taskState: 'image_uploading' } as const;
      if (!savesEarly) {
        undoStored();
        await during(uploading, save);
      }
      const stored = await (savesEarly ? during(uploading, upload) : upload());

      if (isCancelled()) throw new CancelledFailure('cancelled while the image was stored');
      commit(); // from here on it is an image, which builds may begin from
      const complete = () => control.completeImage({ ...held, stored });
      if (afterwards === undefined) await lastly(() => complete().then(made.resolve));
      else made.resolve(await afterwards(frame, accepted, await complete()));

      return changes;
    },
  });

  return made.promise;
}

/** What is done while the bytes of the image are written. */
type Meanwhile = () => Promise<void>;

/** Has the disk extracted, live where that is possible. What the record says of the guest afterwards. */
async function extract(frame: Frame<InstanceChanges>, accepted: AcceptedSnapshot, meanwhile: Meanwhile): Promise<InstanceChanges> {
  const { instance, host, snapshot } = accepted;
  const { imageId, disk, taking } = snapshot;
  if (taking === undefined) return extractCold(frame, accepted, meanwhile);

  const { wanted, isEncrypted, mustQuiesce } = taking;
  const of = { instanceId: instance.id, imageId, disk };
  const look = () => frame.onHost(host).chooseSnapshotMode({ ...of, wanted, isEncrypted });
  const looksAtOnce = snapshot.asksAtOnce === true && wanted === 'cold';
  const [rooms, { mode, reasons }] = looksAtOnce ? await together([roomsFor(frame, accepted), look()]) : [null, await look()];
  frame.note(mode === 'live' ? 'live' : `cold: ${reasons.join('; ')}`);
  if (mode === 'cold') return extractCold(frame, accepted, meanwhile, rooms);

  try {
    return await extractLive(frame, accepted, mustQuiesce, meanwhile);
  } catch (failure) {
    if (wanted === 'live' || typeOf(failure) !== 'DomainStateConflict') throw failure;
    frame.note('the guest ended: cold');
    await frame.onHost(host).endLive(of);
    return extractCold(frame, accepted, meanwhile);
  }
}

/** Has the disk copied as it is at one moment, and then extracted from the copy; the guest runs on. */
async function extractLive(
  frame: Frame<InstanceChanges>,
  accepted: AcceptedSnapshot,
  mustQuiesce: boolean,
  meanwhile: Meanwhile,
): Promise<InstanceChanges> {
  const { longOnHost, whenHostReturns, undo, during, note } = frame;
  const { instance, host, snapshot } = accepted;
  const { imageId, disk, format, isCompressed } = snapshot;
  const of = { instanceId: instance.id, imageId };

  undo('end the copy', () => whenHostReturns(host).endLive({ ...of, disk }));
  const copy = () => longOnHost(host).copyLive({ ...of, disk, mustQuiesce });
  const { warning, ...copied } = await duringSnapshot(frame, accepted, copy);
  if (warning !== null) note(`the guest was not frozen: ${warning}`);

  const source = { of: 'copy', ...copied } as const;
  const extractCopy = () => longOnHost(host).extractSnapshot({ ...of, source, format, isCompressed });
  await together([during({ taskState: 'image_pending_upload' }, extractCopy), meanwhile()]);
  return {};
}

/** Does a step before the disk is extracted; a backup shows until then that it is one (Nova's image_backup). */
function duringSnapshot<Result>(
  { during }: Frame<InstanceChanges>,
  { instance }: AcceptedSnapshot,
  step: () => Promise<Result>,
): Promise<Result> {
  return instance.taskState === 'image_backup' ? step() : during({ taskState: 'image_snapshot' }, step);
}

/**
 * Has the disk of a guest that is off extracted. One that is on is saved meanwhile with its memory, and is away as long as its disk is
 * read: it goes on before anything is compressed or stored, and whatever dies in between. What the record says of it afterwards.
 */
async function extractCold(
  frame: Frame<InstanceChanges>,
  accepted: AcceptedSnapshot,
  meanwhile: Meanwhile,
  rooms: Rooms | null = null,
): Promise<InstanceChanges> {
  const { longOnHost, undo, during } = frame;
  const { instance, host, snapshot } = accepted;
  const { imageId, disk, format, isCompressed } = snapshot;
  const [instanceId, source] = [instance.id, { of: 'disk', disk } as const];

  // What was asked beside the removal of leftovers is asked again where they had its room.
  const found = rooms?.every(({ problem }) => problem === null) === true ? rooms : await roomsFor(frame, accepted);
  found.forEach(requireRoom);
  if (!isOn(instance)) {
    const extract = () => longOnHost(host).extractSnapshot({ instanceId, imageId, source, format, isCompressed });
    await together([during({ taskState: 'image_pending_upload' }, extract), meanwhile()]);
    return {};
  }

  let isAway = true;
  undo('let the guest go on', async () => {
    if (isAway) await wakeWhateverIs(frame, accepted);
  });
  const { powerState } = await longOnHost(host).saveGuest({ instanceId });
  const extract = () => longOnHost(host).extractSnapshot({ instanceId, imageId, source, format, isCompressed: false });
  await together([during({ taskState: 'image_pending_upload', powerState }, extract), meanwhile()]);
  const changes = await wake(frame, accepted);
  isAway = false;

  if (isCompressed) await longOnHost(host).compressSnapshot({ instanceId, imageId, format });
  return changes;
}

type Rooms = readonly { readonly problem: string | null }[];

/** Whether there is room for the image, and for the memory of a guest that is on: asked at the same time but in runs of before 0.2. */
async function roomsFor(frame: Frame<InstanceChanges>, accepted: AcceptedSnapshot): Promise<Rooms> {
  const { instance, host, snapshot } = accepted;
  const [{ onHost }, { id: instanceId }, { disk }] = [frame, instance, snapshot];
  const room = () => duringSnapshot(frame, accepted, () => onHost(host).lookForSnapshotRoom({ instanceId, disk }));
  const roomToSave = () => onHost(host).lookForRoom({ instanceId });
  if (snapshot.asksAtOnce === true) return together(isOn(instance) ? [room(), roomToSave()] : [room()]);
  const first = await room();
  return first.problem !== null || !isOn(instance) ? [first] : [first, await roomToSave()];
}

function isOn({ vmState }: Instance): boolean {
  return vmState === 'active' || vmState === 'paused';
}

function requireRoom({ problem }: Rooms[number]): void {
  if (problem !== null) throw ApplicationFailure.nonRetryable(problem, 'DiskSpaceLow', {});
}

/** The guest goes on from its saved memory, as it was: paused when it was paused. One that ended by itself before it was saved stays off. */
async function wake(frame: Frame<InstanceChanges>, { instance, host, vifs, vifPlug }: AcceptedSnapshot): Promise<InstanceChanges> {
  const { onHost, longOnHost } = frame;
  const instanceId = instance.id;
  const woken = await longOnHost(host).wakeGuest({ instanceId, vifs });
  if (woken.isOff) return { vmState: 'stopped', powerState: woken.powerState };
  if (instance.vmState === 'paused') return { powerState: woken.powerState };
  const { powerState } = await runOncePlugged(frame, { instanceId, host, vifs, vifPlug }, woken);
  if (woken.hasAgent !== false) await onHost(host).setGuestClock({ instanceId });
  return { powerState };
}

/** The same as an undo: it waits for a host that is away, and not for the network. */
async function wakeWhateverIs(frame: Frame<InstanceChanges>, { instance, host, vifs }: AcceptedSnapshot): Promise<void> {
  const instanceId = instance.id;
  const { isOff } = await frame.longWhenHostReturns(host).wakeGuest({ instanceId, vifs });
  if (!isOff && instance.vmState === 'active') await frame.whenHostReturns(host).runGuest({ instanceId });
}
