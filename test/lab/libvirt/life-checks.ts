import { expect } from 'vitest';
import {
  DomainCreate,
  DomainDefine,
  DomainDestroy,
  DomainSave,
  DomainShutdown,
  DomainState,
  DomainUndefine,
  ErrorCode,
  MetadataType,
  PausedReason,
  RunningReason,
  ShutoffReason,
} from '../../../src/libvirt/index.ts';
import { type Checks, discard, eventOf, eventually, isAbout } from './world.ts';

const ours = 'https://example.org/ours';

/** Checks of what makes, moves and ends a domain. */
export const lifeChecks = {
  domainDefineXmlFlags: async ({ libvirt, define }) => {
    const guest = await define();
    expect(guest.dom).toEqual({ name: guest.name, uuid: guest.uuid, id: -1 });
    const invalid = guest.xml.replace('<memory', '<nonsense/><memory');
    await expect(libvirt.domainDefineXmlFlags({ xml: invalid, flags: DomainDefine.validate })).rejects.toMatchObject({
      code: ErrorCode.xmlInvalidSchema,
    });
    await libvirt.domainUndefineFlags({ dom: guest.dom });
  },
  domainCreateWithFlags: async ({ libvirt, define }) => {
    const guest = await define();
    const started = await libvirt.domainCreateWithFlags({ dom: guest.dom, flags: DomainCreate.paused });
    expect(started.id).toBeGreaterThan(0);
    expect(await libvirt.domainGetState({ dom: guest.dom })).toMatchObject({ state: DomainState.paused });
    await expect(libvirt.domainCreateWithFlags({ dom: guest.dom })).rejects.toMatchObject({ code: ErrorCode.operationInvalid });
    await discard(libvirt, guest);
  },
  domainResume: async ({ libvirt, define }) => {
    const guest = await define();
    await libvirt.domainCreateWithFlags({ dom: guest.dom, flags: DomainCreate.paused });
    await libvirt.domainResume({ dom: guest.dom });
    expect(await libvirt.domainGetState({ dom: guest.dom })).toEqual({ state: DomainState.running, reason: RunningReason.unpaused });
    await discard(libvirt, guest);
  },
  domainSuspend: async ({ libvirt, start }) => {
    const guest = await start();
    await libvirt.domainSuspend({ dom: guest.dom });
    expect(await libvirt.domainGetState({ dom: guest.dom })).toEqual({ state: DomainState.paused, reason: PausedReason.user });
    await discard(libvirt, guest);
  },
  domainShutdownFlags: async ({ libvirt, start }) => {
    const guest = await start();
    await expect(libvirt.domainShutdownFlags({ dom: guest.dom, flags: DomainShutdown.initctl })).rejects.toThrow(/flags \(0x4\)/);
    await eventually(async () => {
      await libvirt.domainShutdownFlags({ dom: guest.dom, flags: DomainShutdown.acpiPowerButton }).catch(() => undefined);
      return libvirt.domainGetState({ dom: guest.dom });
    }).toEqual({ state: DomainState.shutoff, reason: ShutoffReason.shutdown });
    await libvirt.domainUndefineFlags({ dom: guest.dom });
  },
  domainReboot: async ({ libvirt, start }) => {
    const guest = await start();
    await expect(libvirt.domainReboot({ dom: guest.dom, flags: DomainShutdown.initctl })).rejects.toThrow(/flags \(0x4\)/);
    const console = await libvirt.openConsole({ dom: guest.dom });
    const greeting = new Promise((resolve) => console.on('data', (printed) => `${printed}`.includes('K') && resolve('booted')));
    // The guest listens to the power button only when its boot sector has run; its answer to a key says so.
    const typed = setInterval(() => console.write('K'), 50);
    await greeting;
    clearInterval(typed);
    await eventOf(libvirt, 'reboot', isAbout(guest), () => libvirt.domainReboot({ dom: guest.dom, flags: DomainShutdown.acpiPowerButton }));
    console.destroy();
    expect(await libvirt.domainGetState({ dom: guest.dom })).toMatchObject({ state: DomainState.running });
    await discard(libvirt, guest);
  },
  domainReset: async ({ libvirt, start }) => {
    const guest = await start();
    await expect(libvirt.domainReset({ dom: guest.dom, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
    await eventOf(libvirt, 'reboot', isAbout(guest), () => libvirt.domainReset({ dom: guest.dom }));
    await discard(libvirt, guest);
  },
  domainInjectNmi: async ({ libvirt, start }) => {
    const guest = await start();
    await expect(libvirt.domainInjectNmi({ dom: guest.dom, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
    await libvirt.domainInjectNmi({ dom: guest.dom });
    await discard(libvirt, guest);
    await expect(libvirt.domainInjectNmi({ dom: guest.dom })).rejects.toMatchObject({ code: ErrorCode.noDomain });
  },
  domainSetTime: async ({ libvirt, guest }) => {
    const time = { seconds: 1_795_000_000n, nanoseconds: 5 };
    await expect(libvirt.domainSetTime({ dom: guest.dom, ...time, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
    await expect(libvirt.domainSetTime({ dom: guest.dom, ...time })).rejects.toThrow(/agent/);
  },
  domainFsFreeze: async ({ libvirt, guest }) => {
    await expect(libvirt.domainFsFreeze({ dom: guest.dom, mountPoints: ['/'], flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
    await expect(libvirt.domainFsFreeze({ dom: guest.dom, mountPoints: ['/'] })).rejects.toThrow(/agent/);
  },
  domainFsThaw: async ({ libvirt, guest }) => {
    await expect(libvirt.domainFsThaw({ dom: guest.dom, mountPoints: ['/'], flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
    await expect(libvirt.domainFsThaw({ dom: guest.dom, mountPoints: ['/'] })).rejects.toThrow(/mountpoints is not supported/);
  },
  domainSetUserPassword: async ({ libvirt, guest }) => {
    const asked = { dom: guest.dom, user: 'root', password: 'swordfish' };
    await expect(libvirt.domainSetUserPassword({ ...asked, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
    await expect(libvirt.domainSetUserPassword(asked)).rejects.toThrow(/agent/);
  },
  domainAgentSetResponseTimeout: async ({ libvirt, guest }) => {
    const asked = { dom: guest.dom, timeoutSeconds: 20 };
    await expect(libvirt.domainAgentSetResponseTimeout({ ...asked, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
    await expect(libvirt.domainAgentSetResponseTimeout({ ...asked, timeoutSeconds: -7 })).rejects.toThrow(/timeout/);
    expect(await libvirt.domainAgentSetResponseTimeout(asked)).toBe(0);
  },
  domainDestroyFlags: async ({ libvirt, start }) => {
    const guest = await start();
    await expect(libvirt.domainDestroyFlags({ dom: guest.dom, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
    await libvirt.domainDestroyFlags({ dom: guest.dom, flags: DomainDestroy.graceful });
    expect(await libvirt.domainGetState({ dom: guest.dom })).toEqual({ state: DomainState.shutoff, reason: ShutoffReason.destroyed });
    await libvirt.domainUndefineFlags({ dom: guest.dom });
  },
  domainUndefineFlags: async ({ libvirt, start }) => {
    const guest = await start();
    await libvirt.domainManagedSave({ dom: guest.dom });
    await expect(libvirt.domainUndefineFlags({ dom: guest.dom })).rejects.toMatchObject({ code: ErrorCode.operationInvalid });
    await libvirt.domainUndefineFlags({ dom: guest.dom, flags: DomainUndefine.managedSave });
    await expect(libvirt.domainLookupByUuid({ uuid: guest.uuid })).rejects.toMatchObject({ code: ErrorCode.noDomain });
  },
  domainManagedSave: async ({ libvirt, start }) => {
    const guest = await start();
    await libvirt.domainManagedSave({ dom: guest.dom, flags: DomainSave.paused });
    expect(await libvirt.domainGetState({ dom: guest.dom })).toEqual({ state: DomainState.shutoff, reason: ShutoffReason.saved });
    await libvirt.domainCreateWithFlags({ dom: guest.dom });
    expect(await libvirt.domainGetState({ dom: guest.dom })).toMatchObject({ state: DomainState.paused });
    await discard(libvirt, guest);
  },
  domainHasManagedSaveImage: async ({ libvirt, start }) => {
    const guest = await start();
    expect(await libvirt.domainHasManagedSaveImage({ dom: guest.dom })).toBe(false);
    await libvirt.domainManagedSave({ dom: guest.dom });
    expect(await libvirt.domainHasManagedSaveImage({ dom: guest.dom })).toBe(true);
    await expect(libvirt.domainHasManagedSaveImage({ dom: guest.dom, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
    await libvirt.domainUndefineFlags({ dom: guest.dom, flags: DomainUndefine.managedSave });
  },
  domainManagedSaveRemove: async ({ libvirt, start }) => {
    const guest = await start();
    await libvirt.domainManagedSave({ dom: guest.dom });
    await expect(libvirt.domainManagedSaveRemove({ dom: guest.dom, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
    await libvirt.domainManagedSaveRemove({ dom: guest.dom });
    expect(await libvirt.domainHasManagedSaveImage({ dom: guest.dom })).toBe(false);
    await libvirt.domainUndefineFlags({ dom: guest.dom });
  },
  domainManagedSaveGetXmlDesc: async ({ libvirt, start }) => {
    const guest = await start();
    await libvirt.domainManagedSave({ dom: guest.dom });
    expect(await libvirt.domainManagedSaveGetXmlDesc({ dom: guest.dom })).toContain(`<uuid>${guest.uuid}</uuid>`);
    await expect(libvirt.domainManagedSaveGetXmlDesc({ dom: guest.dom, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
    await libvirt.domainUndefineFlags({ dom: guest.dom, flags: DomainUndefine.managedSave });
  },
  domainManagedSaveDefineXml: async ({ libvirt, start }) => {
    const guest = await start();
    await libvirt.domainManagedSave({ dom: guest.dom });
    const saved = await libvirt.domainManagedSaveGetXmlDesc({ dom: guest.dom });
    const xml = saved.replace('<memory ', '<title>changed while saved</title><memory ');
    await libvirt.domainManagedSaveDefineXml({ dom: guest.dom, xml, flags: DomainSave.paused });
    expect(await libvirt.domainManagedSaveGetXmlDesc({ dom: guest.dom })).toContain('<title>changed while saved</title>');
    await libvirt.domainCreateWithFlags({ dom: guest.dom });
    expect(await libvirt.domainGetState({ dom: guest.dom })).toMatchObject({ state: DomainState.paused });
    await discard(libvirt, guest);
  },
  domainSetMetadata: async ({ libvirt, define }) => {
    const guest = await define();
    const given = { dom: guest.dom, type: MetadataType.element, metadata: '<kept by="us"/>', key: 'own', uri: ours };
    await libvirt.domainSetMetadata(given);
    expect(await libvirt.domainGetXmlDesc({ dom: guest.dom })).toMatch(/<own:kept xmlns:own="https:\/\/example.org\/ours" by="us"\/>/);
    await expect(libvirt.domainSetMetadata({ ...given, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
    await libvirt.domainUndefineFlags({ dom: guest.dom });
  },
  domainGetMetadata: async ({ libvirt, define }) => {
    const guest = await define();
    const { dom } = guest;
    await libvirt.domainSetMetadata({ dom, type: MetadataType.title, metadata: 'a title' });
    await libvirt.domainSetMetadata({ dom, type: MetadataType.element, metadata: '<kept/>', key: 'own', uri: ours });
    expect(await libvirt.domainGetMetadata({ dom, type: MetadataType.title })).toBe('a title');
    expect(await libvirt.domainGetMetadata({ dom, type: MetadataType.element, uri: ours })).toBe('<kept/>');
    await expect(libvirt.domainGetMetadata({ dom, type: MetadataType.description })).rejects.toMatchObject({
      code: ErrorCode.noDomainMetadata,
    });
    await expect(libvirt.domainGetMetadata({ dom, type: MetadataType.title, flags: 4096 })).rejects.toThrow(/flags \(0x1000\)/);
    await libvirt.domainUndefineFlags({ dom });
  },
} satisfies Checks;
