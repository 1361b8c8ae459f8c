import { ApplicationFailure } from '@temporalio/workflow';
import { together } from '../model/together.ts';
import { thoughAway } from './though-away.ts';
import type { TransferFrame, Way } from './transfer.ts';

/** What two hosts see of each other's probe files. */
interface Probed {
  readonly isSeenThere: boolean;
  readonly isSeenHere: boolean;
  /** Not at the same time as another step that holds the instance on one of these hosts. */
  readonly removeProbes: () => Promise<unknown>;
}

/**
 * Whether both hosts keep the instance's files in one place (Nova's `_is_storage_shared_with`): each looks for a file that the other
 * wrote. A host shares with itself. Raises `MigrationPreCheckError` when one sees the other's and is not seen.
 */
export async function probeSharedStorage(frame: TransferFrame, way: Way): Promise<boolean> {
  if (way.source === way.destination) return true;
  const probed = await probe(frame, way);
  await probed.removeProbes();
  return isShared(way, probed);
}

/** Has two hosts look for each other's probe files, which stay until they are removed. */
export async function probe({ onHost, unlessAway, undo }: TransferFrame, { instanceId, source, destination }: Way): Promise<Probed> {
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

/** What they saw means. Raises `MigrationPreCheckError` when only one saw the other's. */
export function isShared({ source, destination }: Way, { isSeenThere, isSeenHere }: Omit<Probed, 'removeProbes'>): boolean {
  if (isSeenThere === isSeenHere) return isSeenThere;
  const [seeing, blind] = isSeenThere ? [destination, source] : [source, destination];
  throw ApplicationFailure.nonRetryable(
    `${seeing} sees the files of ${blind}, and ${blind} does not see those of ${seeing}: is a file system mounted over them?`,
    'MigrationPreCheckError',
  );
}
