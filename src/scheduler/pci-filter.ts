import type { Filter } from './filter.ts';

/** Names of devices that a flavor may ask for, and the `vendor:product` each stands for (Nova's `[pci] alias`). */
export type PciAliases = Readonly<Record<string, string>>;

const spec = 'pci_passthrough:alias';

/** Nova's PciPassthroughFilter by what the host reports: as many devices as the flavor's `pci_passthrough:alias` (`gpu:2,nic:1`) names. */
export function pciPassthrough(aliases: PciAliases): Filter {
  return {
    name: 'pciPassthrough',
    checkFor: ({ extraSpecs }) => {
      const text = extraSpecs?.[spec];
      if (text === undefined) return null;
      const wanted = text.split(',').map((part) => {
        const [alias = '', count = ''] = part.trim().split(':');
        return { alias, count: Number(count), device: aliases[alias], text: part.trim() };
      });
      return ({ host, pciDevices }) => {
        for (const { alias, count, device, text: asked } of wanted) {
          if (device === undefined) return `${host} knows no PCI device named ${alias}`;
          const free = pciDevices.filter((one) => one.startsWith(`${device} `)).length;
          if (!(count <= free)) return `${host} has ${free} PCI devices ${device} free, ${asked} wanted`;
        }
        return null;
      };
    },
  };
}
