import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { DomainCreate, DomainState, DomainUndefine, DomainXml, type Libvirt } from '../libvirt/index.ts';
import { domainXml } from '../model/domain-xml.ts';
import type { Disk, Instance, PowerState } from '../model/instance.ts';
import { qemuFormatOf } from '../model/qemu-format.ts';
import type { Token } from '../model/tenure.ts';
import { together } from '../model/together.ts';
import { missingFrom } from '../model/xml-subset.ts';
import type { BootImages } from './accept/images.ts';
import type { Vif } from './addresses.ts';
import type { BaseCache } from './base-cache.ts';
import type { Capabilities } from './capabilities.ts';
import type { DeviceKeeper } from './disks/device-keeper.ts';
import { replacedAside } from './disks/made-aside.ts';
import { domainSpecOf, hardwareFor } from './domain-spec.ts';
import { isNoDomain } from './failures.ts';
import { guestOf } from './guest.ts';
import type { AskGuestCpus } from './guest-cpus.ts';
import { leaveOnlyHoldingFiles, type WhileHolding } from './holding.ts';
import { migrationNotes } from './live-migration/note.ts';
import { powerStateOf } from './power-state.ts';
import { fail } from './record-client.ts';
import { asideOf } from './resize/aside.ts';
import { endTransfers } from './transfer/close.ts';
import { makeUefiVariables } from './uefi-variables.ts';
import { whyUnplugged } from './vifs.ts';

export interface DomainActivities {
  /**
   * Defines the domain, with a file of UEFI variables where its image asks for UEFI, and reads it back: what libvirt did not keep
   * would be missing in the guest. `libvirt.xml` keeps what was wanted. Raises `DomainDefinitionRejected`, `ImageUnusableHere`. Repeatable.
   */
  defineDomain(input: Defining): Promise<{ readonly machineType: string; readonly cpuModel: string }>;
  /**
   * The same, and has the guest run at once: for one whose network was plugged before, so that nobody waits for it. One that is on is left
   * so. Raises `DomainStateConflict` when it ended at once. Repeatable.
   */
  bootDomain(input: Defining): Promise<{ readonly powerState: PowerState }>;
  /**
   * Starts the guest with its processors stopped, so that its network is plugged before it looks; `isPlugged`: it is already, and nobody
   * has to wait. One that is started is left as it is. Repeatable.
   */
  startPaused(input: { token: Token; instanceId: string; vifs: readonly Vif[] }): Promise<{ readonly isPlugged: boolean }>;
  /** Lets the guest run. Raises `DomainStateConflict` when it has stopped meanwhile. Repeatable. */
  runGuest(input: { token: Token; instanceId: string }): Promise<{ readonly powerState: PowerState; readonly launchedAt: string }>;
  /**
   * Leaves nothing of the instance here but the proof of who deleted it, and the devices `toWipe`, which are nobody's until `wipeDisks`
   * did. Right whatever there is. Repeatable.
   */
  removeInstance(input: { token: Token; instanceId: string }): Promise<{ readonly toWipe: readonly string[] }>;
}

/** A guest that is to have a domain on this host. */
interface Defining {
  readonly token: Token;
  readonly instance: Instance;
  readonly image: BootImages;
  readonly disks: readonly Disk[];
  readonly vifs: readonly Vif[];
}

/** What a domain has beside its definition; without these flags libvirt refuses to undefine one that has it. */
const undefineAll =
  DomainUndefine.managedSave |
  DomainUndefine.snapshotsMetadata |
  DomainUndefine.nvram |
  DomainUndefine.checkpointsMetadata |
  DomainUndefine.tpm;

export function domainActivities(
  libvirt: Libvirt,
  { capabilities, askGuestCpus }: { readonly capabilities: Capabilities; readonly askGuestCpus: AskGuestCpus },
  whileHolding: WhileHolding,
  bases: BaseCache,
  devices: DeviceKeeper,
  { vnc, runDir }: Pick<Config, 'vnc' | 'runDir'>,
): DomainActivities {
  return {
    defineDomain: (input) => whileHolding(input.instance.id, input.token, (directory) => define(directory, input)),

    bootDomain: (input) =>
      whileHolding(input.instance.id, input.token, async (directory) => {
        const { id: instanceId } = input.instance;
        await define(directory, input);
        await start(instanceId, 0);
        return { powerState: await running(instanceId) };
      }),

    startPaused: ({ token, instanceId, vifs }) =>
      whileHolding(instanceId, token, async () => {
        await start(instanceId, DomainCreate.paused);
        return { isPlugged: (await whyUnplugged(vifs)).length === 0 };
      }),

    runGuest: ({ token, instanceId }) =>
      whileHolding(instanceId, token, async () => {
        if ((await stateOf(instanceId)) === DomainState.paused) await libvirt.domainResume({ dom: { uuid: instanceId } });
        return { powerState: await running(instanceId), launchedAt: new Date().toISOString() };
      }),

    removeInstance: ({ token, instanceId }) =>
      whileHolding(instanceId, token, async (directory) => {
        await removeDomain(instanceId);
        await endTransfers(runDir, instanceId);
        await migrationNotes(runDir, instanceId).forget();
        const toWipe = await devices.release(instanceId);
        await leaveOnlyHoldingFiles(directory);
        await rm(asideOf(directory), { recursive: true, force: true });
        return { toWipe };
      }),
  };

  async function define(
    directory: string,
    { instance, image, disks, vifs }: Defining,
  ): Promise<{ readonly machineType: string; readonly cpuModel: string }> {
    const chosen = await capabilities.choose(hardwareFor(instance, image));
    // What a guest was built as it stays: an update of the host never changes its hardware.
    const choices = { ...chosen, machineType: instance.machineType ?? chosen.machineType };
    if (choices.uefi !== null) await makeUefiVariables(directory, choices.uefi);
    const baseFormatOf = qemuFormatOf(image.root.diskFormat);
    const sharedCpus = (await askGuestCpus())?.shared ?? null;
    const options = { ...choices, sharedCpus, baseOf: bases.pathOf, baseFormatOf, hasScreen: vnc.enabled };
    const wanted = domainXml(domainSpecOf(directory, instance, image, disks, vifs, options));
    const [dom] = await together([
      libvirt.domainDefineXmlFlags({ xml: wanted, flags: 0 }), // its schema check takes 40 ms and finds less than reading back does
      replacedAside(join(directory, 'libvirt.xml'), (partial) => writeFile(partial, `${wanted}\n`)),
    ]);
    const missing = missingFrom(wanted, await libvirt.domainGetXmlDesc({ dom, flags: DomainXml.inactive }));
    if (missing.length > 0) throw fail('DomainDefinitionRejected', `libvirt did not keep all of the domain: ${missing.join('; ')}`);
    return { machineType: choices.machineType, cpuModel: choices.cpuModel };
  }

  async function start(uuid: string, flags: number): Promise<void> {
    if ((await stateOf(uuid)) !== DomainState.shutoff) return;
    await devices.check(uuid);
    await libvirt.domainCreateWithFlags({ dom: { uuid }, flags });
  }

  async function running(uuid: string): Promise<'running'> {
    const powerState = powerStateOf(await stateOf(uuid));
    if (powerState !== 'running') throw fail('DomainStateConflict', `the guest is ${powerState}: it ended before it ran`);
    return powerState;
  }

  async function stateOf(uuid: string): Promise<number> {
    return (await libvirt.domainGetState({ dom: { uuid } })).state;
  }

  async function removeDomain(uuid: string): Promise<void> {
    const guest = guestOf(libvirt, uuid);
    try {
      await guest.requireOurs();
      await guest.switchOff();
      await libvirt.domainUndefineFlags({ dom: { uuid }, flags: undefineAll });
    } catch (error) {
      if (!isNoDomain(error)) throw error;
    }
  }
}
