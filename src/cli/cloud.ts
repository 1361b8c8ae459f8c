import type { Host } from '../model/host.ts';
import type { Image } from '../model/image.ts';
import type { Instance } from '../model/instance.ts';
import type { MigrationProgress } from '../model/live-migration/progress.ts';
import type { Network } from '../model/network.ts';
import type { OperationView } from '../model/operation.ts';
import type { OperationName, RequestInputOf, UpdateName } from '../schema/request.ts';
import type { Explanation } from './explanation.ts';
import type { HostRow, ImageRow, InstanceRow, NetworkRow, OperationRow } from './rows.ts';

/** What `show` prints of each kind, whole. */
export interface Records {
  readonly instance: Instance;
  readonly host: Host;
  readonly image: Image;
  readonly network: Network;
}

/** What `list` prints of each kind, a line each. */
export interface Rows {
  readonly instance: InstanceRow;
  readonly host: HostRow;
  readonly image: ImageRow;
  readonly network: NetworkRow;
  readonly operation: OperationRow;
}

/** The kinds of records. */
export type RecordKind = keyof Records;

/** Which rows of a list: all conditions hold. Values are compared as they are. */
export interface Filter {
  readonly name?: string | undefined;
  readonly host?: string | undefined;
  readonly vmState?: string | undefined;
  readonly objectState?: string | undefined;
  readonly instanceId?: string | undefined;
  /** Of instances and operations: only those of this project. */
  readonly projectId?: string | undefined;
  /** Instances that were deleted, as long as Temporal keeps their records; else those that are there. */
  readonly isDeleted?: boolean | undefined;
  /** Operations that still run. */
  readonly isRunning?: boolean | undefined;
  /** Operations that wait for a decision. */
  readonly isParked?: boolean | undefined;
  /** The first so many operations. */
  readonly limit?: number | undefined;
}

/** The activity that an operation waits for, as Temporal sees it. */
export interface Pending {
  readonly activity: string;
  readonly attempt: number;
  readonly lastFailure: string | null;
  /** The last heartbeat. */
  readonly progress: {
    readonly step: string;
    readonly doneBytes: number;
    readonly totalBytes: number | null;
    readonly migration?: MigrationProgress;
  } | null;
}

/** What is seen of an operation at one moment. */
export interface Sight {
  /** Null until a control worker answers. */
  readonly operation: OperationView | null;
  /** The record of its instance as long as the operation is the last one that took it. */
  readonly instance: Instance | null;
  readonly pending: readonly Pending[];
  readonly isOver: boolean;
}

/** A run that was started, here or by somebody else. */
export interface Run {
  readonly id: string;
  readonly type: string;
  /** Looks again and again; ends after the sight that is the last, or when `signal` is aborted. */
  readonly sights: (signal: AbortSignal) => AsyncIterable<Sight>;
  /** What the run returns; rejects with how it ended otherwise. */
  readonly result: () => Promise<unknown>;
  /** Asks for it; an operation past its point of no return goes on. */
  readonly cancel: () => Promise<void>;
}

/** An operation as `op show` prints it. */
export interface OperationReport {
  readonly id: string;
  readonly runId: string;
  readonly type: string;
  /** Temporal's, in lower case: `running`, `completed`, `failed`, `cancelled`, `terminated`, `timed_out`. */
  readonly status: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly operation: OperationView | null;
  readonly pending: readonly Pending[];
  readonly failure: { readonly type: string; readonly message: string } | null;
}

/** What the command asks of Temporal. Raises a `CommandError` for what is not there. */
export interface Cloud {
  readonly list: <Kind extends keyof Rows>(kind: Kind, filter: Filter) => Promise<readonly Rows[Kind][]>;
  /** The id of a record by its id or its name; two records of a name are an error that lists their ids. */
  readonly idOf: (kind: RecordKind, idOrName: string) => Promise<string>;
  readonly record: <Kind extends RecordKind>(kind: Kind, idOrName: string) => Promise<Records[Kind]>;
  /** The record of an instance that is there or was deleted, as long as Temporal keeps it. */
  readonly pastRecord: (idOrName: string) => Promise<Instance>;
  /** Starts an operation; `subject` is what it is about, for the reader of its id. */
  readonly start: <Name extends OperationName>(name: Name, subject: string, request: RequestInputOf<Name>) => Promise<Run>;
  /** The operation of this id, or the last one of the instance of this name. */
  readonly run: (idOrName: string) => Promise<Run>;
  readonly report: (idOrName: string) => Promise<OperationReport>;
  /** Why it went to the host that it went to. */
  readonly explain: (idOrName: string) => Promise<Explanation>;
  /** Sends an update to an operation that waits for it, or goes on by it; returns its id. */
  readonly decide: (idOrName: string, update: UpdateName, request: object) => Promise<string>;
  readonly close: () => Promise<void>;
}
