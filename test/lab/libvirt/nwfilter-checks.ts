import { expect } from 'vitest';
import { ErrorCode } from '../../../src/libvirt/index.ts';
import { antiSpoofingFilter, antiSpoofingXml } from '../../../src/model/anti-spoofing.ts';
import { type Checks, discard, type KnownGuest, type World } from './world.ts';

async function filteredGuest(world: World, portDev: string): Promise<KnownGuest> {
  const filter = "<filterref filter='no-mac-spoofing'/>";
  return world.start({ devices: `<interface type='ethernet'><target dev='${portDev}'/>${filter}</interface>` });
}

/** Checks of what is read and removed of network filters on ports. */
export const nwfilterChecks = {
  connectListAllNwfilterBindings: async (world) => {
    const { libvirt } = world;
    const guest = await filteredGuest(world, 'listed0');
    expect(await libvirt.connectListAllNwfilterBindings({ needResults: 1 })).toEqual([
      { portDev: 'listed0', filterName: 'no-mac-spoofing' },
    ]);
    await expect(libvirt.connectListAllNwfilterBindings({ needResults: 1, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
    await discard(libvirt, guest);
  },
  nwfilterBindingLookupByPortDev: async (world) => {
    const { libvirt } = world;
    const guest = await filteredGuest(world, 'sought0');
    expect(await libvirt.nwfilterBindingLookupByPortDev({ portDev: 'sought0' })).toEqual({
      portDev: 'sought0',
      filterName: 'no-mac-spoofing',
    });
    await expect(libvirt.nwfilterBindingLookupByPortDev({ portDev: 'nothing0' })).rejects.toMatchObject({
      code: ErrorCode.noNwfilterBinding,
    });
    await discard(libvirt, guest);
  },
  nwfilterBindingGetXmlDesc: async (world) => {
    const { libvirt } = world;
    const guest = await filteredGuest(world, 'shown0');
    const binding = { portDev: 'shown0' };
    expect(await libvirt.nwfilterBindingGetXmlDesc({ binding })).toContain(`<uuid>${guest.uuid}</uuid>`);
    await expect(libvirt.nwfilterBindingGetXmlDesc({ binding, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
    await discard(libvirt, guest);
  },
  nwfilterBindingDelete: async (world) => {
    const { libvirt } = world;
    const guest = await filteredGuest(world, 'freed0');
    await libvirt.nwfilterBindingDelete({ binding: { portDev: 'freed0' } });
    expect(await libvirt.connectListAllNwfilterBindings({ needResults: 1 })).toEqual([]);
    await discard(libvirt, guest);
  },
  nwfilterDefineXml: async (world) => {
    const { libvirt } = world;
    const define = () => libvirt.nwfilterDefineXml({ xml: antiSpoofingXml });
    const defined = await define();
    expect(defined).toEqual({ name: antiSpoofingFilter, uuid: expect.stringMatching(/^6e6f7661-/) });
    expect(await define()).toEqual(defined);
    await expect(libvirt.nwfilterDefineXml({ xml: '<filter/>' })).rejects.toMatchObject({ code: ErrorCode.internalError });
  },
} satisfies Checks;
