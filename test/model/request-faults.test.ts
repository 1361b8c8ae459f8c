import { expect, test } from 'vitest';
import { ends, internals, refusals } from '../../src/model/failure.ts';
import { requestFaults } from '../../src/model/request-faults.ts';

test('of all failures these alone are not of the host where they happened', () => {
  const ofHosts = [...refusals, ...ends, ...internals].filter((type) => !requestFaults.includes(type));
  expect(ofHosts.sort()).toStrictEqual([
    'CapacityTaken',
    'DestinationDiskExists',
    'DeviceDiffers',
    'DiskSpaceLow',
    'DomainDefinitionRejected',
    'DomainExists',
    'DomainNotFound',
    'DomainStateConflict',
    'FormatUnusableHere',
    'HostWorkerBusy',
    'ImageUnusableHere',
    'InstancePasswordSetFailed',
    'MigrationPreCheckError',
    'OperationFailed',
    'PostCopyBroken',
    'SavedMemoryUnusable',
    'SnapshotLost',
    'TransferBroken',
    'VirtualInterfacePlugTimeout',
  ]);
});

test.each(['InvalidRequest', 'ImageUnacceptable', 'StaleToken', 'AddressTaken', 'NoValidHost', 'ResetRefused'])('%s is not', (type) => {
  expect(requestFaults).toContain(type);
});
