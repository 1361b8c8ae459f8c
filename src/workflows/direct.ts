import { proxyActivities } from '@temporalio/workflow';
import type { ConsoleOutput } from '../activities/console.ts';
import type { ControlActivities } from '../activities/control.ts';
import type { HostActivities } from '../activities/host.ts';
import type { RemoteConsole } from '../activities/remote-console.ts';
import type { Screenshot } from '../activities/screenshot.ts';
import type { Host } from '../model/host.ts';
import type { Network } from '../model/network.ts';
import { onControl, quicklyOn } from './activities.ts';
import { ownFailure } from './outcome.ts';

/** Operations that hold nothing: one message to one record, or a look. */

const { makeNetwork, setHostEnabled, releaseOwedAddresses, findConsole, findScreen, findRemoteConsole } =
  proxyActivities<ControlActivities>(onControl.options);

/** Makes a network. The same request again returns the network it made. */
export function createNetwork(request: unknown): Promise<Network> {
  return ownFailure('makeNetwork', () => makeNetwork({ request }));
}

/** Lets the scheduler place instances on a host again. */
export function enableHost(request: unknown): Promise<Host> {
  return ownFailure('setHostEnabled', () => setHostEnabled({ request, isEnabled: true }));
}

/** Keeps new instances away from a host; those on it stay. */
export function disableHost(request: unknown): Promise<Host> {
  return ownFailure('setHostEnabled', () => setHostEnabled({ request, isEnabled: false }));
}

/** Takes an operator's word that a host which is down is off: what it owes keeps no address any more, and is still to be removed when it is back. */
export function fenceHost(request: unknown): Promise<Host> {
  return ownFailure('releaseOwedAddresses', () => releaseOwedAddresses({ request }));
}

/** The last bytes an instance's guest wrote to its serial console. */
export function getConsoleOutput(request: unknown): Promise<ConsoleOutput> {
  return ownFailure('readConsole', async () => {
    const { host, ...what } = await findConsole({ request });
    const { readConsole } = proxyActivities<HostActivities>(quicklyOn(host).options);
    return readConsole(what);
  });
}

/** A picture of the screen of an instance's guest. */
export function getScreenshot(request: unknown): Promise<Screenshot> {
  return ownFailure('takeScreenshot', async () => {
    const { host, instanceId } = await findScreen({ request });
    const { takeScreenshot } = proxyActivities<HostActivities>(quicklyOn(host).options);
    return takeScreenshot({ instanceId });
  });
}

/** A way to an instance's serial console or screen, for one connection within a minute (Nova's `remote_console`). */
export function openConsole(request: unknown): Promise<RemoteConsole> {
  return ownFailure('openRemoteConsole', async () => {
    const { host, ...what } = await findRemoteConsole({ request });
    const { openRemoteConsole } = proxyActivities<HostActivities>(quicklyOn(host).options);
    return openRemoteConsole(what);
  });
}
