import { join } from 'node:path';
import { type LabHost, runInHost } from '../../../../lab/lab.ts';
import { connectLibvirt } from '../../../../src/libvirt/index.ts';
import { domainNameOf } from '../../../../src/model/domain.ts';
import { domainXml } from '../../../../src/model/domain-xml.ts';
import type { Instance } from '../../../../src/model/instance.ts';
import { domain } from '../../../model/domains.ts';
import type { World } from '../world.ts';
import { nobody, type Plant, type Victims } from './plant.ts';

/** Domains that are too many, gone, or in a state that no record has. */
export function domains({ hostOf, cloud }: World, { intact, copied, undefined: lost, frozen }: Victims): readonly Plant[] {
  const host = hostOf(intact);
  const on = async <T>(where: LabHost, work: (libvirt: ReturnType<typeof connectLibvirt>) => Promise<T>) => {
    await using libvirt = connectLibvirt({ socket: where.libvirtSocket });
    return await work(libvirt);
  };
  const copyDisk = (instance: Instance, to: string) => {
    const options = ['--transient-job', '--format', 'qcow2'];
    return runInHost(hostOf(instance), ['virsh', 'blockcopy', domainNameOf(instance.id), 'vda', join(cloud.lab.sharedDir, to), ...options]);
  };
  return [
    {
      name: 'a domain of an instance that nobody knows',
      kind: 'UnknownDomain',
      host: host.name,
      what: `domain of instance ${nobody}, shutdown`,
      plant: () =>
        on(host, (libvirt) => libvirt.domainDefineXmlFlags({ xml: domainXml(domain({ uuid: nobody, name: domainNameOf(nobody) })) })),
      remove: () => on(host, (libvirt) => libvirt.domainUndefineFlags({ dom: { uuid: nobody } })),
    },
    {
      name: 'an instance without its domain',
      kind: 'DomainMissing',
      host: lost.host,
      what: `instance ${lost.id} has no domain`,
      plant: () =>
        on(hostOf(lost), async (libvirt) => {
          await libvirt.domainDestroyFlags({ dom: { uuid: lost.id } });
          await libvirt.domainUndefineFlags({ dom: { uuid: lost.id } });
        }),
    },
    {
      name: 'a guest that somebody pinned',
      kind: 'PinningDiffers',
      host: host.name,
      what: `the vCPUs of instance ${intact.id} are pinned to 0, its record says nothing`,
      plant: () => runInHost(host, ['virsh', 'vcpupin', intact.id, '0', '0', '--live']),
    },
    {
      name: 'a guest whose QEMU hangs during a block job',
      kind: 'GuestSilent',
      host: frozen.host,
      what: `QEMU of instance ${frozen.id} does not answer`,
      plant: async () => {
        await copyDisk(frozen, 'frozen-copy');
        await signalGuest(hostOf(frozen), frozen, '-STOP');
      },
      remove: () => signalGuest(hostOf(frozen), frozen, '-CONT'),
    },
    {
      name: 'a block job that nobody follows',
      kind: 'UnknownBlockJob',
      host: copied.host,
      what: `block copy on disk vda of instance ${copied.id}`,
      plant: () => copyDisk(copied, 'copy'),
    },
  ];
}

function signalGuest(host: LabHost, { id }: Instance, signal: string): Promise<string> {
  return runInHost(host, ['pkill', signal, '--full', `guest=${domainNameOf(id)}`]);
}
