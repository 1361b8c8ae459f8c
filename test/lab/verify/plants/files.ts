import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LabHost } from '../../../../lab/lab.ts';
import { baseNameOf } from '../../../../src/model/base-name.ts';
import type { World } from '../world.ts';
import { instances, nobody, type Plant, type Victims } from './plant.ts';

/** Files that are too many, and one that is gone. */
export function files({ hostOf, cloud, imageId }: World, { intact, deleted }: Victims): readonly Plant[] {
  const host = hostOf(intact);
  const store = join(cloud.lab.sharedDir, 'images');
  const below = (owner: LabHost, ...path: string[]) => ({ outside: join(owner.instancesDir, ...path), inside: join(instances, ...path) });
  const file = (name: string, { outside, inside }: { outside: string; inside: string }): Plant => ({
    name,
    kind: 'UnknownFile',
    host: host.name,
    what: inside,
    plant: () => writeFile(outside, ''),
    remove: () => rm(outside),
  });
  const lost = below(host, intact.id, 'disk.config');
  const ofNobody = below(host, nobody);
  const ofDeleted = below(hostOf(deleted), deleted.id);
  return [
    file('half a disk', below(host, intact.id, 'disk.partial')),
    file('a file of an operator beside the disks', below(host, intact.id, 'notes.txt')),
    file('a file beside the instances', below(host, 'backup.tar')),
    file('half an image in the cache', below(host, '_base', `${baseNameOf(imageId)}.part`)),
    file('an image in the cache that no record has', below(host, '_base', baseNameOf(nobody))),
    { ...file('an image in the store that no record has', { outside: join(store, nobody), inside: join(store, nobody) }), host: null },
    {
      ...file('half an image in the store', { outside: join(store, `${imageId}.part`), inside: join(store, `${imageId}.part`) }),
      host: null,
    },
    {
      name: 'a disk that is gone',
      kind: 'FileMissing',
      host: host.name,
      what: lost.inside,
      plant: () => rename(lost.outside, join(cloud.lab.sharedDir, 'disk.config')),
    },
    {
      name: 'a directory of an instance that nobody knows',
      kind: 'UnknownFile',
      host: host.name,
      what: `${ofNobody.inside} with disk, kernel`,
      plant: async () => {
        await mkdir(ofNobody.outside);
        for (const name of ['disk', 'kernel']) await writeFile(join(ofNobody.outside, name), '');
      },
      remove: () => rm(ofNobody.outside, { recursive: true }),
    },
    {
      name: 'a disk of a deleted instance',
      kind: 'UnknownFile',
      host: hostOf(deleted).name,
      what: `${ofDeleted.inside} with disk`,
      plant: () => writeFile(join(ofDeleted.outside, 'disk'), ''),
      remove: () => rm(join(ofDeleted.outside, 'disk')),
    },
  ];
}
