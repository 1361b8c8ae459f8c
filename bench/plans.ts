import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { baseCache } from '../src/activities/base-cache.ts';
import { capabilitiesOf } from '../src/activities/capabilities.ts';
import { formatCommand } from '../src/activities/disks/format.ts';
import type { DiskActivities } from '../src/activities/disks.ts';
import type { DomainActivities } from '../src/activities/domain.ts';
import { domainSpecOf } from '../src/activities/domain-spec.ts';
import type { Libvirt } from '../src/libvirt/index.ts';
import { configDriveFiles } from '../src/model/config-drive.ts';
import { domainXml } from '../src/model/domain-xml.ts';
import { macOf, tapNameOf } from '../src/model/port.ts';
import { wantedDisks } from '../src/model/wanted-disks.ts';
import { createOverlayArgs } from '../src/qemu/img.ts';
import type { FloorPlan } from './floor.ts';
import { type RunHistory, stepOf } from './history.ts';

/** What a real build gave its host to make a guest from. */
export type BuildInputs = Parameters<DiskActivities['createDisks']>[0] & Parameters<DomainActivities['defineDomain']>[0];

const instancesDir = '/var/lib/nova/instances';

/** The inputs of the disks and of the domain in the history of a build. */
export function inputsOf(build: RunHistory): BuildInputs {
  // Written by the build's own workflow.
  return { ...(stepOf(build, 'createDisks').input as BuildInputs), ...(stepOf(build, 'defineDomain').input as BuildInputs) };
}

/**
 * Makes plans for guests like the one of `inputs`, each with an id and device of its own: disks, config drive and domain are written
 * by the code that writes those of a build, from the same inputs.
 */
export async function planner(inputs: BuildInputs, libvirt: Libvirt): Promise<(ip: string) => FloorPlan> {
  const choices = await capabilitiesOf(libvirt).choose();
  const { pathOf } = baseCache({ instancesDir, imageStore: { directory: '/nowhere' }, forceRawImages: true });
  const { image, disks, publicKeys, localDisks = { ephemerals: [], swapMiB: 0 } } = inputs;
  const root = disks.find(({ name }) => name === 'disk');
  if (root === undefined) throw new Error('the build made no root disk');
  const baseFormat = root.backing?.format ?? 'raw';

  const wanted = wantedDisks({
    flavor: inputs.instance.flavor,
    imageVirtualSizeBytes: root.sizeBytes,
    osType: image.properties['os_type'],
    localDisks,
    defaultFileSystem: null,
  });

  return (ip) => {
    const id = randomUUID();
    const instance = { ...inputs.instance, id, name: `floor-${id.slice(0, 8)}` };
    const directory = join(instancesDir, id);
    const vifs = inputs.vifs.map((vif, index) => ({
      ...vif,
      port: { ...vif.port, ip, mac: macOf(id, index), tap: tapNameOf(id, index) },
    }));
    const boot = { kernel: image.kernel, ramdisk: image.ramdisk };
    const ports = vifs.map(({ port, mtu, dns }) => ({ ...port, mtu, dns }));
    return {
      id,
      directory,
      overlay: createOverlayArgs({
        base: pathOf(image.root.id),
        baseFormat,
        path: join(directory, 'disk'),
        sizeBytes: root.sizeBytes,
      }),
      blanks: wanted.flatMap(({ name, sizeBytes, content }) =>
        content.of === 'image' ? [] : [{ path: join(directory, name), sizeBytes, format: formatCommand(content) }],
      ),
      copies: Object.entries(boot).flatMap(([name, file]) => (file === null ? [] : [{ from: pathOf(file.id), to: join(directory, name) }])),
      configDrive: { path: join(directory, 'disk.config'), files: configDriveFiles({ instance, ports, publicKeys, secrets: {} }) },
      xml: domainXml(
        domainSpecOf(directory, instance, image, disks, vifs, {
          ...choices,
          baseOf: pathOf,
          baseFormatOf: baseFormat,
          hasScreen: false,
          sharedCpus: null,
        }),
      ),
    };
  };
}
