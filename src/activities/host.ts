import type { AttendActivities } from './attend.ts';
import type { ConsoleActivities } from './console.ts';
import type { GivenDeviceActivities, GivenDeviceLongActivities } from './disks/given-devices.ts';
import type { DiskActivities, DiskLongActivities } from './disks.ts';
import type { DomainActivities } from './domain.ts';
import type { GuestAgentActivities } from './guest-agent.ts';
import type { ImageActivities, ImageLongActivities } from './image-store.ts';
import type { LiveArrivalActivities } from './live-migration/arrival.ts';
import type { MigrationDestinationActivities } from './live-migration/destination.ts';
import type { MigrateLongActivities } from './live-migration/migrate.ts';
import type { SettleActivities } from './live-migration/settle.ts';
import type { MigrationSourceActivities } from './live-migration/source.ts';
import type { PowerActivities } from './power.ts';
import type { RemoteConsoleActivities } from './remote-console.ts';
import type { DestinationActivities, DestinationLongActivities } from './resize/destination.ts';
import type { SourceActivities } from './resize/source.ts';
import type { SavedMemoryActivities, SavedMemoryLongActivities } from './saved-memory.ts';
import type { ScreenshotActivities } from './screenshot.ts';
import type { SnapshotModeActivities } from './snapshot/choose.ts';
import type { ExtractActivities, ExtractLongActivities } from './snapshot/extract.ts';
import type { LiveSnapshotActivities, LiveSnapshotLongActivities } from './snapshot/live.ts';
import type { UploadActivities, UploadLongActivities } from './snapshot/upload.ts';
import type { ComparisonActivities } from './transfer/comparison.ts';
import type { TransferActivities, TransferLongActivities } from './transfer.ts';
import type { VifActivities } from './vifs.ts';

/** What a compute worker does on its quick queue: seconds. */
export type HostActivities = DiskActivities &
  GivenDeviceActivities &
  DomainActivities &
  GuestAgentActivities &
  PowerActivities &
  SavedMemoryActivities &
  ScreenshotActivities &
  ExtractActivities &
  UploadActivities &
  SourceActivities &
  DestinationActivities &
  MigrationSourceActivities &
  MigrationDestinationActivities &
  LiveArrivalActivities &
  SettleActivities &
  VifActivities &
  ConsoleActivities &
  RemoteConsoleActivities &
  TransferActivities &
  ComparisonActivities &
  SnapshotModeActivities &
  LiveSnapshotActivities &
  ImageActivities;

/** What it does on its long queue: copies and conversions. */
export type HostLongActivities = SavedMemoryLongActivities &
  DiskLongActivities &
  GivenDeviceLongActivities &
  DestinationLongActivities &
  ImageLongActivities &
  LiveSnapshotLongActivities &
  MigrateLongActivities &
  ExtractLongActivities &
  UploadLongActivities &
  TransferLongActivities;

/** All of the quick queue: the host's record is attended there too. */
export type QuickActivities = HostActivities & AttendActivities;
