import type { GivenDeviceActivities, GivenDeviceLongActivities } from '../../src/activities/disks/given-devices.ts';

/** The whole devices of a fake host, of which each instance has one. */
export interface FakeDevices {
  /** Instances that have whole devices of it, and those that left one which is not wiped yet. */
  readonly devices: Map<string, 'taken' | 'left'>;
  /** Whether its disks are whole devices. */
  isolates: boolean;
  /** Whether its devices carry what has to go before anybody gets them. */
  areDevicesDirty: boolean;
}

/** The path of a fake host's device. */
export function fakeDevice(host: string): string {
  return `/dev/disk/by-id/${host}`;
}

/** Has the instance leave its device; what is to be wiped. */
export function leftDevices({ devices }: FakeDevices, host: string, instanceId: string): { readonly toWipe: readonly string[] } {
  if (!devices.has(instanceId)) return { toWipe: [] };
  devices.set(instanceId, 'left');
  return { toWipe: [fakeDevice(host)] };
}

/** Why a fake host gives an instance no device, or null. */
export function whyNoDevice({ isolates }: FakeDevices, wanted: readonly unknown[]): string | null {
  return wanted.length === 0 || isolates ? null : 'it has no free device';
}

/** Devices given to instances that move, of plain objects. */
export function fakeDeviceSteps(name: string, host: FakeDevices): GivenDeviceActivities & GivenDeviceLongActivities {
  return {
    giveDevices: async ({ instanceId, wanted }) => {
      host.devices.set(instanceId, 'taken');
      const devices = wanted.map(({ disk, sizeBytes }) => ({ disk, sizeBytes, path: fakeDevice(name) }));
      return { refusal: null, devices, toClear: host.areDevicesDirty ? [fakeDevice(name)] : [] };
    },
    takeDevicesBack: async ({ instanceId }) => leftDevices(host, name, instanceId),
    clearDevices: async () => {},
  };
}
