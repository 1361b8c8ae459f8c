import type { XmlElement } from '@rgrove/parse-xml';
import type { Hardware } from '../model/hardware/hardware.ts';
import { childrenOf, descendantsOf } from '../model/xml-tree.ts';
import { fail } from './record-client.ts';

/** What a machine of a host has for the properties whose values differ between builds of QEMU. */
export type Offers = ReadonlyMap<string, readonly string[]>;

/** Where libvirt's domain capabilities list the values of a property: the element of a device, and the name of its enumeration. */
const places = [
  { property: 'hw_disk_bus', device: 'disk', list: 'bus', wanted: ({ diskBus }: Hardware) => diskBus },
  { property: 'hw_cdrom_bus', device: 'disk', list: 'bus', wanted: ({ cdromBus }: Hardware) => cdromBus },
  { property: 'hw_video_model', device: 'video', list: 'modelType', wanted: ({ videoModel }: Hardware) => videoModel },
] as const;

/** What the domain capabilities of a machine offer. */
export function offersIn(capabilities: XmlElement): Offers {
  return new Map(
    places.map(({ property, device, list }) => {
      const lists = descendantsOf(capabilities, device).flatMap(childrenOf);
      const values = lists.filter(({ name, attributes }) => name === 'enum' && attributes['name'] === list).flatMap(childrenOf);
      return [property, values.map(({ text }) => text)] as const;
    }),
  );
}

/** Raises `ImageUnusableHere` when the machine lacks what a guest's image asks for. */
export function requireOffered(hardware: Hardware, offers: Offers, machineType: string): void {
  for (const { property, wanted } of places) {
    const value = wanted(hardware);
    const offered = offers.get(property) ?? [];
    if (value === null || offered.includes(value)) continue;
    throw fail('ImageUnusableHere', `the image asks for ${property} "${value}", and ${machineType} has ${offered.join(', ')} here`);
  }
}
