import type { LabHost } from '../lab/lab.ts';
import { connectLibvirt, DomainState, type Libvirt, Lifecycle } from '../src/libvirt/index.ts';

/** Sees from outside, over a libvirt connection of its own, when domains of one host begin to run and when they are gone. */
export interface DomainWatch extends AsyncDisposable {
  readonly libvirt: Libvirt;
  /** The time, of `performance.now()`, at which libvirt was first seen to say that the domain runs. */
  readonly whenRunning: (id: string) => Promise<number>;
  /** The time at which the domain was seen to be undefined. */
  readonly whenGone: (id: string) => Promise<number>;
}

interface Sightings {
  readonly running: PromiseWithResolvers<number>;
  readonly gone: PromiseWithResolvers<number>;
}

/** Watches the domains of `host` from now on. */
export async function watchDomains({ libvirtSocket }: LabHost): Promise<DomainWatch> {
  const libvirt = connectLibvirt({ socket: libvirtSocket });
  const sightings = new Map<string, Sightings>();
  const of = (id: string) => {
    const known = sightings.get(id) ?? { running: Promise.withResolvers<number>(), gone: Promise.withResolvers<number>() };
    sightings.set(id, known);
    return known;
  };
  // A domain that is started paused has an event too: only its state says that it runs.
  const lookAt = async (uuid: string) => {
    const { state } = await libvirt.domainGetState({ dom: { uuid } });
    if (state === DomainState.running) of(uuid).running.resolve(performance.now());
  };
  await libvirt.subscribe('lifecycle', ({ dom: { uuid }, event }) => {
    if (event === Lifecycle.undefined) of(uuid).gone.resolve(performance.now());
    // It may be gone again, which nobody waits for.
    if (event === Lifecycle.started || event === Lifecycle.resumed) lookAt(uuid).catch(() => {});
  });
  return {
    libvirt,
    whenRunning: (id) => of(id).running.promise,
    whenGone: (id) => of(id).gone.promise,
    [Symbol.asyncDispose]: () => libvirt.close(),
  };
}
