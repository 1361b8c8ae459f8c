import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runInHost } from '../../../../lab/lab.ts';
import type { Instance } from '../../../../src/model/instance.ts';
import type { World } from '../world.ts';
import { instances, nobody, type Plant, type Victims } from './plant.ts';

const strayTap = 'tap00000000abc';

/** Network devices, their filters and loop devices. */
export function devices({ hostOf, cloud }: World, { intact, unplugged, copied }: Victims): readonly Plant[] {
  const host = hostOf(intact);
  const tapOf = ({ ports: [port] }: Instance) => port?.tap ?? '';
  const disk = join(instances, copied.id, 'disk');
  let loop = '';
  const bindingFile = join(cloud.lab.sharedDir, 'binding.xml');
  const binding = `<filterbinding>
    <owner><name>nobody</name><uuid>${nobody}</uuid></owner>
    <portdev name='${strayTap}'/><mac address='fa:16:3e:00:00:01'/><filterref filter='clean-traffic'/>
  </filterbinding>`;
  const attached: Plant = {
    name: 'a loop device on a disk',
    kind: 'UnknownLoopDevice',
    host: copied.host,
    get what() {
      return `${loop} on ${disk}`;
    },
    plant: async () => {
      loop = (await runInHost(hostOf(copied), ['losetup', '--find', '--show', '--read-only', disk])).trim();
    },
    remove: () => runInHost(hostOf(copied), ['losetup', '--detach', loop]),
  };
  return [
    attached,
    {
      name: 'a tap that no guest has',
      kind: 'UnknownTap',
      host: host.name,
      what: `device ${strayTap}`,
      also: [{ kind: 'UnknownFilterBinding', host: host.name, what: `filter of device ${strayTap}` }],
      plant: async () => {
        await runInHost(host, ['ip', 'tuntap', 'add', 'dev', strayTap, 'mode', 'tap']);
        await runInHost(host, ['ip', 'link', 'set', strayTap, 'up']);
        await writeFile(bindingFile, binding);
        await runInHost(host, ['virsh', 'nwfilter-binding-create', bindingFile]);
      },
      remove: async () => {
        await runInHost(host, ['virsh', 'nwfilter-binding-delete', strayTap]);
        await runInHost(host, ['ip', 'link', 'delete', strayTap]);
      },
    },
    {
      name: 'a tap that was taken out of its bridge',
      kind: 'TapDiffers',
      host: unplugged.host,
      what: `device ${tapOf(unplugged)} of instance ${unplugged.id} is a port of no bridge, network default is on ${host.bridge}`,
      plant: () => runInHost(hostOf(unplugged), ['ip', 'link', 'set', tapOf(unplugged), 'nomaster']),
    },
    {
      name: 'a guest that may speak from any address',
      kind: 'FilterBindingMissing',
      host: unplugged.host,
      what: `device ${tapOf(unplugged)} of instance ${unplugged.id} has no filter`,
      plant: () => runInHost(hostOf(unplugged), ['virsh', 'nwfilter-binding-delete', tapOf(unplugged)]),
    },
    {
      name: 'a guest without its tap',
      kind: 'TapMissing',
      host: copied.host,
      what: `device ${tapOf(copied)} of instance ${copied.id}`,
      plant: () => runInHost(hostOf(copied), ['ip', 'link', 'delete', tapOf(copied)]),
    },
  ];
}
