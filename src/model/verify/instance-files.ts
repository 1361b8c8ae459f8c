import { join } from 'node:path';
import { baseDirectory, baseNameOf, removalLock } from '../base-name.ts';
import type { Instance } from '../instance.ts';
import { snapshotsDirectory } from '../snapshot.ts';
import type { Finding } from './finding.ts';
import { type HostScene, imagesOf, instancesHere, instancesThatAre, whereabouts, whyForeign } from './scene.ts';

/** What stays of a deleted instance: it stops attempts that come late. */
const tombstone: readonly string[] = ['generation', 'lock'];

/** What describes an instance on its host; builds of the first release wrote none. */
const descriptions: readonly string[] = ['disk.info', 'libvirt.xml'];

/** The console's log, and those that virtlogd put aside when it grew. */
const consoleLog = /^console\.log(\.\d+)?$/;

/** What a file system puts into its root. */
const ofTheFileSystem = new Set(['lost+found']);

/** Files below the instances that no record accounts for, and those that a record accounts for and that are not there. */
export function instanceFileFindings(scene: HostScene): readonly Finding[] {
  const { directory, perInstance, others } = scene.listing.instances;
  return [
    ...perInstance.flatMap(({ instanceId, files }) => ofInstance(scene, instanceId, files)),
    ...withoutDirectory(scene),
    ...(scene.listing.instances.asides ?? []).flatMap(({ instanceId, files }) => ofAside(scene, instanceId, files)),
    ...withoutAside(scene),
    ...others
      .filter((name) => !ofTheFileSystem.has(name))
      .map((name) => unknownFile(scene, join(directory, name), 'nothing of ours has this name: somebody put it there')),
  ];
}

/** Files of the image cache that no image accounts for, and bases that instances stand on and that are not there. */
export function baseFindings(scene: HostScene): readonly Finding[] {
  const { directory, bases } = scene.listing.instances;
  const active = [...scene.imageStatus].filter(([, status]) => status === 'active').map(([id]) => baseNameOf(id));
  const rules = { known: new Set(active), fetching: fetchedNow(scene), present: new Set(bases) };
  const path = (name: string) => join(directory, baseDirectory, name);
  return [
    ...bases.flatMap((name) => {
      const why = whyUnknownBase(name, rules);
      return why === null ? [] : [unknownFile(scene, path(name), why)];
    }),
    ...[...neededBases(scene)].filter((name) => !rules.present.has(name)).map((name) => missingFile(scene, path(name), lostBase)),
    ...bases
      .filter((name) => rules.known.has(name) && !rules.present.has(`${name}.checksum`))
      .map((name) => missingFile(scene, path(`${name}.checksum`), 'somebody removed it: builds from the image fetch it again')),
  ];
}

const lostBase = 'somebody removed it: the disks that stand on it are lost, unless the image is put back';

interface BaseRules {
  /** Of images that exist. */
  readonly known: ReadonlySet<string>;
  /** Of images that an operation may be bringing here. */
  readonly fetching: ReadonlySet<string>;
  readonly present: ReadonlySet<string>;
}

function whyUnknownBase(name: string, { known, fetching, present }: BaseRules): string | null {
  const [stem = '', suffix = ''] = name.split(/\.(?=[^.]*$)/);
  if (name === removalLock) return null;
  if (fetching.has(stem)) return null;
  if (suffix === 'aged') return 'a removal that was killed: the next pass over the cache ends it';
  // Of an image that is deleted, whose fetch failed: it holds nothing, and nobody's place.
  if (suffix === 'lock') return null;
  // A base of an image that was deleted goes with its age, not before the last disk that stands on it.
  const isWhole = present.has(stem) && present.has(`${stem}.checksum`);
  if (!known.has(stem) && !isWhole) return 'no image has this base: the image was deleted, or the file was put there by hand';
  if (suffix === '') return null;
  const isHalf = suffix === 'part' || suffix === 'converted' || (suffix === 'checksum' && !present.has(stem));
  if (isHalf) return 'a fetch of the image that was killed: the next build from it on this host completes it';
  return suffix === 'checksum' || suffix === 'grown' ? null : 'nothing of ours has this name: somebody put it there';
}

/** The bases that an operation may be bringing here: of instances that it works on, or of images that it brings to hosts. */
export function fetchedNow(scene: HostScene): ReadonlySet<string> {
  const wanted = instancesThatAre(scene, ['busy']).flatMap((instance) => imagesOf(scene, instance));
  return new Set([...wanted, ...scene.caching].map(baseNameOf));
}

function neededBases(scene: HostScene): ReadonlySet<string> {
  const kept = instancesThatAre(scene, ['here', 'left']).flatMap(({ migration }) => migration?.oldDisks ?? []);
  const disks = [...instancesHere(scene).flatMap(({ disks }) => disks), ...kept];
  return new Set(disks.flatMap(({ backing }) => (backing === null ? [] : [baseNameOf(backing.imageId)])));
}

function ofInstance(scene: HostScene, id: string, files: readonly string[]): readonly Finding[] {
  const { host, instances } = scene;
  const { directory, sharers } = scene.listing.instances;
  const path = join(directory, id);
  const instance = instances.get(id)?.instance;
  switch (whereabouts(scene, id)) {
    case 'busy':
    case 'broken':
      return [];
    case 'here':
      return instance === undefined ? [] : againstRecord(scene, instance, path, files);
    default: {
      const isOnSharer = instance !== undefined && instance.host !== host && sharers.includes(instance.host ?? '');
      const leftovers = files.filter((name) => !tombstone.includes(name));
      if (isOnSharer || leftovers.length === 0) return [];
      return [unknownFile(scene, `${path} with ${leftovers.join(', ')}`, whyForeign(scene, id))];
    }
  }
}

/** What lies aside is of the migration that the record knows, or of nobody. */
function ofAside(scene: HostScene, id: string, files: readonly string[]): readonly Finding[] {
  const { host, instances } = scene;
  const { directory, sharers } = scene.listing.instances;
  const instance = instances.get(id)?.instance;
  if (['busy', 'broken'].includes(whereabouts(scene, id))) return [];
  const source = instance?.migration?.source;
  if (source === host || (source !== undefined && sharers.includes(source))) return [];
  const likelyCause =
    instance === undefined ? whyForeign(scene, id) : `${instance.name} is not resized: a migration that is over left this`;
  return [unknownFile(scene, `${join(directory, id)}_resize with ${files.join(', ')}`, likelyCause)];
}

/** Disks that an instance would come back to, and that are not there. */
function withoutAside(scene: HostScene): readonly Finding[] {
  const { host } = scene;
  const { directory, asides = [] } = scene.listing.instances;
  return [...scene.instances.values()].flatMap(({ instance: { id, name, migration } }) => {
    if (migration?.source !== host || !['here', 'left'].includes(whereabouts(scene, id))) return [];
    const present = asides.find(({ instanceId }) => instanceId === id)?.files ?? [];
    return migration.oldDisks
      .filter((disk) => disk.device === undefined && !present.includes(disk.name))
      .map((disk) => missingFile(scene, `${join(directory, id)}_resize/${disk.name}`, `${name} cannot be reverted: somebody removed it`));
  });
}

function againstRecord(scene: HostScene, instance: Instance, path: string, files: readonly string[]): readonly Finding[] {
  const { required, optional } = filesOf(scene, instance);
  const isAccountedFor = (name: string) => required.includes(name) || optional.includes(name) || consoleLog.test(name);
  return [
    ...files.filter((name) => !isAccountedFor(name)).map((name) => unknownFile(scene, join(path, name), causeOfLeftover(name))),
    ...required
      .filter((name) => !files.includes(name))
      .map((name) => missingFile(scene, join(path, name), `the record of ${instance.name} has it: somebody removed it`)),
  ];
}

/** The files that an instance's record accounts for. Without the image's record nobody knows what it boots with. */
function filesOf({ images }: HostScene, { disks, image: imageId }: Instance): { required: readonly string[]; optional: readonly string[] } {
  const own = [...tombstone, ...disks.filter(({ kind }) => kind === 'qcow2' || kind === 'raw').map(({ name }) => name)];
  const image = images.get(imageId ?? '');
  if (image === undefined) return { required: own, optional: [...descriptions, 'kernel', 'ramdisk', 'nvram'] };
  const boot = [...(image.kernelId === null ? [] : ['kernel']), ...(image.ramdiskId === null ? [] : ['ramdisk'])];
  const uefi = image.properties['hw_firmware_type'] === 'uefi' ? ['nvram'] : [];
  return { required: [...own, ...boot, ...uefi], optional: descriptions };
}

function causeOfLeftover(name: string): string {
  if (name === snapshotsDirectory) return 'a snapshot that was terminated: the next one of the instance removes it';
  if (name.endsWith('.partial')) return 'a step that was killed while it made the file: remove it';
  return 'the record does not have it: somebody put it there';
}

function withoutDirectory(scene: HostScene): readonly Finding[] {
  const { directory, perInstance } = scene.listing.instances;
  const present = new Set(perInstance.map(({ instanceId }) => instanceId));
  return instancesHere(scene)
    .filter(({ id }) => !present.has(id))
    .map(({ id, name }) => missingFile(scene, join(directory, id), `the record says that ${name} is here: is the file system mounted?`));
}

function unknownFile(scene: HostScene, what: string, likelyCause: string): Finding {
  return { kind: 'UnknownFile', host: directoryOwner(scene), what, likelyCause };
}

function missingFile(scene: HostScene, what: string, likelyCause: string): Finding {
  return { kind: 'FileMissing', host: directoryOwner(scene), what, likelyCause };
}

/** A directory that several hosts share is nobody's: each of them finds the same in it. */
function directoryOwner({ host, listing }: HostScene): string | null {
  return listing.instances.sharers.length > 1 ? null : host;
}
