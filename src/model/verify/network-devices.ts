import type { Instance, Port } from '../instance.ts';
import { isOn } from '../power-state.ts';
import type { Finding } from './finding.ts';
import { type HostScene, instancesHere, instancesThatAre } from './scene.ts';

/** As `tapNameOf` makes them; other clouds name theirs with a hyphen in it. */
const tapOfOurs = /^tap[0-9a-f]{11}$/;

/** Taps that are of no port, are not there, or are in another bridge than their network's. */
export function tapFindings(scene: HostScene): readonly Finding[] {
  const { host, listing } = scene;
  const explained = explainedTaps(scene);
  const unknown = listing.links
    .filter(({ name }) => tapOfOurs.test(name) && !explained.has(name))
    .map(({ name }): Finding => ({ kind: 'UnknownTap', host, what: `device ${name}`, likelyCause: leftByGuest }));
  return [...unknown, ...portsOfGuests(scene).flatMap(({ port, instance }) => ofPort(scene, port, instance))];
}

/** Network filters of devices that are of no port, and ports whose guest may speak from any address. */
export function filterFindings(scene: HostScene): readonly Finding[] {
  const { host, listing } = scene;
  const explained = explainedTaps(scene);
  const bound = new Set(listing.filterBindings);
  const unknown = listing.filterBindings
    .filter((device) => tapOfOurs.test(device) && !explained.has(device))
    .map((device): Finding => ({ kind: 'UnknownFilterBinding', host, what: `filter of device ${device}`, likelyCause: leftByGuest }));
  const missing = portsOfGuests(scene)
    .filter(({ port }) => !bound.has(port.tap))
    .map(
      ({ port, instance }): Finding => ({
        kind: 'FilterBindingMissing',
        host,
        what: `device ${port.tap} of instance ${instance.id} has no filter`,
        likelyCause: 'somebody deleted the binding: until the guest is started anew it may speak from any address',
      }),
    );
  return [...unknown, ...missing];
}

const leftByGuest = 'no running guest has this port: QEMU was killed, or it was made by hand; delete it';

/** The devices that may be here: of guests that are on, and of all that an operation works on or left unfinished. */
function explainedTaps(scene: HostScene): ReadonlySet<string> {
  const unjudged = instancesThatAre(scene, ['busy', 'broken']).flatMap(({ ports }) => ports);
  return new Set([...unjudged, ...portsOfGuests(scene).map(({ port }) => port)].map(({ tap }) => tap));
}

/** The ports that have to be plugged: those of guests that are on. */
function portsOfGuests(scene: HostScene): readonly { readonly port: Port; readonly instance: Instance }[] {
  const on = new Set(scene.listing.domains.filter(({ powerState }) => isOn(powerState)).map(({ instanceId }) => instanceId));
  return instancesHere(scene)
    .filter(({ id }) => on.has(id))
    .flatMap((instance) => instance.ports.map((port) => ({ port, instance })));
}

function ofPort({ host, listing, networks }: HostScene, { tap, network }: Port, { id }: Instance): readonly Finding[] {
  const link = listing.links.find(({ name }) => name === tap);
  if (link === undefined) {
    const likelyCause = 'somebody deleted it: the guest has no network until it is started anew';
    return [{ kind: 'TapMissing', host, what: `device ${tap} of instance ${id}`, likelyCause }];
  }
  const bridge = networks.get(network)?.bridge;
  if (bridge === undefined || link.master === bridge) return [];
  const what = `device ${tap} of instance ${id} is a port of ${link.master ?? 'no bridge'}, network ${network} is on ${bridge}`;
  return [
    { kind: 'TapDiffers', host, what, likelyCause: `somebody took it out, or made the bridge anew: ip link set ${tap} master ${bridge}` },
  ];
}
