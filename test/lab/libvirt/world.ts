import { expect } from 'vitest';
import {
  connectLibvirt,
  type Domain,
  DomainDestroy,
  type EventName,
  type EventOf,
  type Libvirt,
  type ProcedureName,
} from '../../../src/libvirt/index.ts';
import { type Libvirtd, withLibvirtd } from '../libvirtd.ts';
import { describeGuest, type Guest, type GuestParts } from './guest.ts';

/** A guest that libvirt knows. */
export interface KnownGuest extends Guest {
  readonly dom: Domain;
}

/** A daemon, a client of it, and guests as they are wanted. */
export interface Host extends AsyncDisposable {
  readonly daemon: Libvirtd;
  readonly libvirt: Libvirt;
  define(parts?: GuestParts): Promise<KnownGuest>;
  start(parts?: GuestParts): Promise<KnownGuest>;
}

/** What a check may use: one host, one guest that runs and is only looked at, and two more hosts that can reach each other. */
export interface World extends Host {
  readonly guest: KnownGuest;
  pair(): Promise<{ readonly source: Host; readonly target: Host }>;
}

/** Calls one procedure for real and proves by its effect or its answer that each argument arrived where it belongs. */
export type Check = (world: World) => Promise<void>;

/** Checks by the procedures that they prove. */
export type Checks = Partial<Record<ProcedureName, Check>>;

/** Starts a daemon and connects to it. */
export async function startHost(options: { readonly ownNetwork?: boolean } = {}): Promise<Host> {
  const daemon = await withLibvirtd(options);
  const libvirt = connectLibvirt({ socket: daemon.socket });
  const define = async (parts?: GuestParts) => {
    const guest = await describeGuest(daemon.directory, parts);
    return { ...guest, dom: await libvirt.domainDefineXmlFlags({ xml: guest.xml }) };
  };
  return {
    daemon,
    libvirt,
    define,
    start: async (parts) => {
      const guest = await define(parts);
      return { ...guest, dom: await libvirt.domainCreateWithFlags({ dom: guest.dom }) };
    },
    [Symbol.asyncDispose]: async () => {
      await libvirt.close();
      await daemon[Symbol.asyncDispose]();
    },
  };
}

/** Starts the hosts that checks use; the pair only when a check asks for it. */
export async function startWorld(): Promise<World> {
  const host = await startHost({ ownNetwork: true });
  const guest = await host.start();
  let pair: Promise<{ readonly source: Host; readonly target: Host }> | null = null;
  const startPair = async () => {
    const [source, target] = await Promise.all([startHost(), startHost()]);
    return { source, target };
  };
  return {
    ...host,
    guest,
    pair: () => {
      pair ??= startPair();
      return pair;
    },
    [Symbol.asyncDispose]: async () => {
      await host[Symbol.asyncDispose]();
      const started = await pair;
      await started?.source[Symbol.asyncDispose]();
      await started?.target[Symbol.asyncDispose]();
    },
  };
}

/** Does something and returns the first event of a kind that matches, whether it came before or after the act ended. */
export async function eventOf<N extends EventName>(
  libvirt: Libvirt,
  name: N,
  matches: (event: EventOf<N>) => boolean,
  act: () => Promise<unknown>,
): Promise<EventOf<N>> {
  const { promise, resolve } = Promise.withResolvers<EventOf<N>>();
  const unsubscribe = await libvirt.subscribe(name, (event) => {
    if (matches(event)) resolve(event);
  });
  await act();
  const event = await promise;
  unsubscribe();
  return event;
}

/** Whether an event or an answer is about this guest. */
export function isAbout(guest: KnownGuest): (event: { readonly dom: Domain }) => boolean {
  return (event) => event.dom.uuid === guest.uuid;
}

/** Waits until what is read satisfies the matcher that follows. */
export function eventually<Value>(read: () => Promise<Value>) {
  return expect.poll(read, { interval: 20, timeout: 20_000 });
}

/** Ends a guest and forgets it. */
export async function discard(libvirt: Libvirt, guest: KnownGuest): Promise<void> {
  await libvirt.domainDestroyFlags({ dom: guest.dom, flags: DomainDestroy.default });
  await libvirt.domainUndefineFlags({ dom: guest.dom });
}
