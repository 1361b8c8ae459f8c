import { join } from 'node:path';
import type { WhileHolding } from '../../../src/activities/holding.ts';
import { migrateActivities } from '../../../src/activities/live-migration/migrate.ts';
import { type MigrationNote, migrationNotes } from '../../../src/activities/live-migration/note.ts';
import { migrationSourceActivities } from '../../../src/activities/live-migration/source.ts';
import { loadConfig } from '../../../src/config.ts';
import { DomainState, ErrorDomain, JobOperation, JobType, type Libvirt, LibvirtError } from '../../../src/libvirt/index.ts';
import { settingsOfMigration } from '../../model/live-migration/policies.ts';
import { ownDirectory } from '../surroundings.ts';

export const instanceId = '7d9f0e0c-0000-4000-8000-000000000001';
export const token = { run: 'run', generation: 1 };

/** A domain at the source of a migration, of which a test changes and reads everything. */
export interface FakeSource {
  /** libvirt's state and its reason. */
  is: { state: number; reason: number };
  /** Whether libvirt says that it is being sent. */
  isMoving: boolean;
  /** Of its memory that is left; 0: disks are copied. */
  memoryBytes: bigint;
  /** How often it was looked at. */
  looks: number;
  onLook: () => void;
  /** The calls that change something, in order. */
  readonly calls: string[];
  /** What happens at such a call beside its effect; a migration's answer comes with it. */
  onCall: (name: string) => void | Promise<void>;
}

const nothing = { str1: null, str2: null, str3: null, int1: 0, int2: 0, dom: null, network: null };

export function refused(code: number, message = 'refused', domain: number = ErrorDomain.qemu): LibvirtError {
  return new LibvirtError('fake', { code, domain, message, level: 2, ...nothing });
}

/** A source with a domain that runs, and the activities over it. */
export async function fakeSource(changes: Partial<FakeSource> = {}) {
  const source: FakeSource = {
    is: { state: DomainState.running, reason: 1 },
    isMoving: false,
    memoryBytes: 0n,
    looks: 0,
    onLook: () => {},
    calls: [],
    onCall: () => {},
    ...changes,
  };
  const call = (name: string) => {
    source.calls.push(name);
    return source.onCall(name);
  };
  const fake: Partial<Libvirt> = {
    domainGetState: async () => {
      source.looks += 1;
      source.onLook();
      return source.is;
    },
    domainGetJobStats: async () => ({
      type: source.isMoving ? JobType.unbounded : JobType.none,
      params: [
        { field: 'operation', type: 'int', value: JobOperation.migrationOut },
        { field: 'memory_total', type: 'ullong', value: source.memoryBytes },
      ],
    }),
    domainGetMetadata: async () => '',
    domainGetXmlDesc: async () => "<domain type='qemu'><memory>65536</memory><os><type machine='q35'>hvm</type></os></domain>",
    connectGetVersion: async () => 9_000_000n,
    domainAbortJob: async () => {
      source.isMoving = false;
      await call('abort');
    },
    domainResume: async () => {
      source.is = { state: DomainState.running, reason: 5 };
      await call('resume');
    },
    domainMigrateSetMaxDowntime: async () => void (await call('downtime')),
    domainMigratePerform3Params: async () => {
      await call('perform');
      return Buffer.alloc(0);
    },
  };
  const runDir = await ownDirectory();
  const whileHolding: WhileHolding = (_id, _token, work) => work('/nowhere');
  const { host } = loadConfig({ env: {}, hostname: 'cn1' });
  const config = {
    host,
    runDir,
    pkiDir: join(runDir, 'pki'),
    instancesDir: '/instances',
    liveMigration: settingsOfMigration({ tls: false }),
  };
  const libvirt = fake as Libvirt;
  return {
    source,
    notes: migrationNotes(runDir, instanceId),
    acts: { ...migrationSourceActivities(libvirt, whileHolding, config), ...migrateActivities(libvirt, whileHolding, config) },
  };
}

/** The note of a try that nobody saw end. */
export function noteOf(changes: Partial<MigrationNote> = {}): MigrationNote {
  return { migrationId: 'first/1', wasPaused: false, copiesDisks: true, mayPostCopy: false, isBegun: true, end: null, ...changes };
}
