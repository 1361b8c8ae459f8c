import { ApplicationFailure } from '@temporalio/workflow';
import { together } from '../model/together.ts';
import { thoughAway } from './though-away.ts';
import type { TransferFrame } from './transfer.ts';

/**
 * Whether both hosts keep the instance's files in one place (Nova's `_is_storage_shared_with`): each looks for a file that the other
 * wrote. A host shares with itself. Raises `MigrationPreCheckError` when one sees the other's and is not seen.
 */
export async function probeSharedStorage(
  { onHost, unlessAway, undo }: TransferFrame,
  { instanceId, source, destination }: { readonly instanceId: string; readonly source: string; readonly destination: string },
): Promise<boolean> {
  if (source === destination) return true;
  const hosts = [source, destination] as const;
  undo('remove the probe files', () => Promise.all(hosts.map((host) => thoughAway(() => unlessAway(host).removeProbes({ instanceId })))));
  const [ofSource, ofDestination] = await together([
    onHost(source).writeProbe({ instanceId }),
    onHost(destination).writeProbe({ instanceId }),
  ]);
  const seen = await together([
    onHost(destination).seesProbe({ instanceId, name: ofSource.name }),
    onHost(source).seesProbe({ instanceId, name: ofDestination.name }),
  ]);
  await together(hosts.map((host) => onHost(host).removeProbes({ instanceId })));
  const [isSeenThere, isSeenHere] = seen.map(({ isSeen }) => isSeen);
  if (isSeenThere === isSeenHere) return isSeenThere === true;
  const [seeing, blind] = isSeenThere === true ? [destination, source] : [source, destination];
  throw ApplicationFailure.nonRetryable(
    `${seeing} sees the files of ${blind}, and ${blind} does not see those of ${seeing}: is a file system mounted over them?`,
    'MigrationPreCheckError',
  );
}
