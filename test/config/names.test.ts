import { expect, test } from 'vitest';
import { flagOf, variableOf } from '../../src/config/names.ts';

test.for([
  ['faults', 'NOVAFLOW_FAULTS', '--faults'],
  ['instancesDir', 'NOVAFLOW_INSTANCES_DIR', '--instances-dir'],
  ['host.name', 'NOVAFLOW_HOST_NAME', '--host-name'],
  ['host.availabilityZone', 'NOVAFLOW_HOST_AVAILABILITY_ZONE', '--host-availability-zone'],
  ['host.capacity.memoryMiB', 'NOVAFLOW_HOST_CAPACITY_MEMORY_MIB', '--host-capacity-memory-mib'],
  ['liveMigration.bandwidthMiBps', 'NOVAFLOW_LIVE_MIGRATION_BANDWIDTH_MIBPS', '--live-migration-bandwidth-mibps'],
  ['vifPlugTimeoutSeconds', 'NOVAFLOW_VIF_PLUG_TIMEOUT_SECONDS', '--vif-plug-timeout-seconds'],
] as const)('%s is %s in the environment and %s on the command line', ([key, variable, flag]) => {
  expect([variableOf(key), flagOf(key)]).toEqual([variable, flag]);
});
