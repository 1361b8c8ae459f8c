import { ApplicationFailure } from '@temporalio/activity';
import type { Config } from '../../config.ts';
import { CompareCpu, ErrorCode, isLibvirtError, type Libvirt } from '../../libvirt/index.ts';
import type { Token } from '../../model/tenure.ts';
import { urlHost } from '../../model/url-host.ts';
import { screenAddress } from '../domain-spec.ts';
import { requireCertificate } from '../transfer/certificate.ts';
import type { MovableGuest } from './source.ts';
import type { MigrationTarget } from './start.ts';

export interface MigrationDestinationActivities {
  /** Where a guest that comes to this host is sent. Changes nothing. */
  targetOfMigration(input: { token: Token }): Promise<MigrationTarget>;
  /** Why this host cannot take the guest, or null: processor and machine are compared by its own hypervisor. Changes nothing. */
  checkTakesGuest(input: { token: Token; guest: MovableGuest }): Promise<{ readonly refusal: string | null }>;
}

/** Where a guest that comes to this host is sent. */
export function migrationTarget(
  { host, liveMigration: { inboundAddress, tls }, instancesDir }: Pick<Config, 'host' | 'liveMigration' | 'instancesDir'>,
  sharedCpus?: readonly number[],
): MigrationTarget {
  const address = inboundAddress ?? host.address;
  const uri = `${tls ? 'qemu+tls' : 'qemu+tcp'}://${urlHost(address)}/system`;
  return { uri, address, listenAddress: screenAddress, instancesDir, ...(sharedCpus === undefined ? {} : { sharedCpus }) };
}

export function migrationDestinationActivities(
  libvirt: Libvirt,
  config: Pick<Config, 'host' | 'liveMigration' | 'pkiDir' | 'instancesDir'>,
): MigrationDestinationActivities {
  return {
    targetOfMigration: async () => migrationTarget(config),
    checkTakesGuest: async ({ guest }) => ({
      refusal: (await whyNoTls(guest)) ?? (await whyNotMachine(guest)) ?? (await whyNotCpu(guest)),
    }),
  };

  async function whyNoTls({ policy }: MovableGuest): Promise<string | null> {
    if (policy.tls !== config.liveMigration.tls) return 'one host migrates by TLS and the other does not (liveMigration.tls)';
    if (!policy.tls) return null;
    try {
      await requireCertificate(config);
      return null;
    } catch (error) {
      if (!(error instanceof ApplicationFailure)) throw error;
      return error.message;
    }
  }

  async function whyNotMachine({ arch, machineType: machine, virtType }: MovableGuest): Promise<string | null> {
    try {
      await libvirt.connectGetDomainCapabilities({ arch, machine, virtType });
      return null;
    } catch (error) {
      if (!isLibvirtError(error, ErrorCode.invalidArg)) throw error;
      return `it has no machine ${machine} for ${virtType}: ${error.message}`;
    }
  }

  async function whyNotCpu({ arch, machineType: machine, virtType, cpuXml }: MovableGuest): Promise<string | null> {
    if (cpuXml === null) return null;
    try {
      await libvirt.connectCompareHypervisorCpu({ arch, machine, virtType, cpuXml, flags: CompareCpu.failIncompatible });
      return null;
    } catch (error) {
      // A model that this libvirt does not know is an internal error.
      if (!isLibvirtError(error, ErrorCode.cpuIncompatible) && !isLibvirtError(error, ErrorCode.internalError)) throw error;
      return `its processor is not that of the guest: ${error.message}`;
    }
  }
}
