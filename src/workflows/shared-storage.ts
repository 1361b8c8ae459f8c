import { ApplicationFailure } from '@temporalio/workflow';
import type { StorageRelation } from '../model/instance.ts';
import { together } from '../model/together.ts';
import { thoughAway } from './though-away.ts';
import type { TransferFrame, Way } from './transfer.ts';

/** How the directories of two hosts stand to each other. */
export interface Relation {
  readonly storage: StorageRelation;
  /** Has the source say so, too, beside what else is asked. Raises `MigrationPreCheckError` when only one saw the other's file. */
  readonly proven: () => Promise<unknown>;
  /** Leaves no probe file there, once it is proven. */
  readonly tidy: () => Promise<unknown>;
}

/**
 * Finds out of hosts, one after another, whether they keep the instance's files in one place with its source (Nova's
 * `_is_storage_shared_with`): each looks for a file that the other wrote. A host shares with itself. Nothing waits for it alone.
 */
export interface Probing {
  /** Writes the source's file, before it is known where the instance goes. */
  readonly begin: () => Promise<unknown>;
  /** Has a host look for it and write its own. */
  readonly ask: (host: string) => Promise<unknown>;
  /** What the host that was asked last said. */
  readonly relation: (host: string) => Promise<Relation>;
  /** Leaves no probe file at the host that was asked last, which does not take the instance. */
  readonly leave: () => Promise<unknown>;
}

/** Probes beside other steps. */
export function probing({ onHost, unlessAway, undo }: TransferFrame, { instanceId, source }: Omit<Way, 'destination'>): Probing {
  const undoOn = (host: string) =>
    undo(`remove the probe files on ${host}`, () => thoughAway(() => unlessAway(host).removeProbes({ instanceId })));
  let own: string | null = null;
  let answer: { readonly host: string; readonly name: string; readonly isSeen: boolean } | null = null;

  const begun = async (): Promise<string> => {
    if (own === null) {
      undoOn(source);
      own = (await onHost(source).writeProbe({ instanceId })).name;
    }
    return own;
  };
  const close = async (other: string | null) => {
    const name = await begun();
    own = null;
    return onHost(source).closeProbe({ instanceId, name, other });
  };
  const leave = async () => {
    const left = answer;
    answer = null;
    if (left === null) return;
    const { host, name } = left;
    await thoughAway(() =>
      unlessAway(host)
        .closeProbe({ instanceId, name, other: null })
        .then(() => {}),
    );
  };

  return {
    begin: begun,
    ask: async (host) => {
      if (host === source) return;
      const name = await begun();
      undoOn(host);
      answer = { host, ...(await unlessAway(host).answerProbe({ instanceId, name })) };
    },
    relation: async (host) => {
      if (answer === null) return { storage: 'sameHost', proven: () => close(null), tidy: async () => {} };
      const { name, isSeen: isSeenThere } = answer;
      const proven = async () => isShared({ source, destination: host }, { isSeenThere, isSeenHere: (await close(name)).isSeen });
      return { storage: isSeenThere ? 'shared' : 'separate', proven, tidy: leave };
    },
    leave,
  };
}

/** Probes between other steps, as runs of before 0.2 did: those of a resize removed their files before they went on. */
export function probingBetween(
  frame: TransferFrame,
  { instanceId, source }: Omit<Way, 'destination'>,
  { asks, removesFirst }: { readonly asks: boolean; readonly removesFirst: boolean },
): Probing {
  const nothing = async () => {};
  return {
    begin: nothing,
    ask: nothing,
    relation: async (host) => {
      if (host === source || !asks) return { storage: host === source ? 'sameHost' : 'shared', proven: nothing, tidy: nothing };
      const way = { instanceId, source, destination: host };
      const { removeProbes, ...seen } = await probe(frame, way);
      if (removesFirst || seen.isSeenThere !== seen.isSeenHere) await removeProbes();
      return { storage: isShared(way, seen) ? 'shared' : 'separate', proven: removesFirst ? nothing : removeProbes, tidy: nothing };
    },
    leave: nothing,
  };
}

/** Whether both hosts keep the instance's files in one place. Raises `MigrationPreCheckError` when one sees the other's and is not seen. */
export async function probeSharedStorage(frame: TransferFrame, way: Way): Promise<boolean> {
  if (way.source === way.destination) return true;
  const { removeProbes, ...seen } = await probe(frame, way);
  await removeProbes();
  return isShared(way, seen);
}

/** What two hosts see of each other's probe files. */
interface Seen {
  readonly isSeenThere: boolean;
  readonly isSeenHere: boolean;
}

async function probe(
  { onHost, unlessAway, undo }: TransferFrame,
  { instanceId, source, destination }: Way,
): Promise<Seen & { readonly removeProbes: () => Promise<unknown> }> {
  const hosts = [source, destination] as const;
  undo('remove the probe files', () => Promise.all(hosts.map((host) => thoughAway(() => unlessAway(host).removeProbes({ instanceId })))));
  const [ofSource, ofDestination] = await together([
    onHost(source).writeProbe({ instanceId }),
    onHost(destination).writeProbe({ instanceId }),
  ]);
  const [there, here] = await together([
    onHost(destination).seesProbe({ instanceId, name: ofSource.name }),
    onHost(source).seesProbe({ instanceId, name: ofDestination.name }),
  ]);
  const removeProbes = () => together(hosts.map((host) => onHost(host).removeProbes({ instanceId })));
  return { isSeenThere: there.isSeen, isSeenHere: here.isSeen, removeProbes };
}

function isShared({ source, destination }: Omit<Way, 'instanceId'>, { isSeenThere, isSeenHere }: Seen): boolean {
  if (isSeenThere === isSeenHere) return isSeenThere;
  const [seeing, blind] = isSeenThere ? [destination, source] : [source, destination];
  throw ApplicationFailure.nonRetryable(
    `${seeing} sees the files of ${blind}, and ${blind} does not see those of ${seeing}: is a file system mounted over them?`,
    'MigrationPreCheckError',
  );
}
