import type { Config } from '../config.ts';
import { type AlterActivities, alterActivities } from './accept/alter.ts';
import { type AcceptBuildActivities, acceptBuildActivities } from './accept/build.ts';
import { type AcceptCacheActivities, acceptCacheActivities } from './accept/cache-image.ts';
import { type AcceptDeleteActivities, acceptDeleteActivities } from './accept/delete.ts';
import { type AcceptDeleteImageActivities, acceptDeleteImageActivities } from './accept/delete-image.ts';
import { type AcceptGuestActivities, acceptGuestActivities } from './accept/guest.ts';
import { type AcceptImportActivities, acceptImportActivities } from './accept/import.ts';
import { type AcceptLiveMigrationActivities, acceptLiveMigrationActivities } from './accept/live-migrate.ts';
import { type AcceptOthersActivities, acceptOthersActivities } from './accept/others.ts';
import { type AcceptPasswordActivities, acceptPasswordActivities } from './accept/password.ts';
import { type AcceptResizeActivities, acceptResizeActivities } from './accept/resize.ts';
import { type AcceptDecisionActivities, acceptDecisionActivities } from './accept/resize-decision.ts';
import { type AcceptSnapshotActivities, acceptSnapshotActivities } from './accept/snapshot.ts';
import { type AcceptSoftDeleteActivities, acceptSoftDeleteActivities } from './accept/soft-delete.ts';
import { type AddressActivities, addressActivities } from './addresses.ts';
import { type AuditActivities, auditActivities } from './audit.ts';
import { type DebtActivities, debtActivities } from './debts.ts';
import { type PlacementActivities, placementActivities } from './placement.ts';
import { type ReclaimActivities, reclaimActivities } from './reclaim.ts';
import { type RecordActivities, recordActivities } from './records.ts';
import { type SnapshotImageActivities, snapshotImageActivities } from './snapshot/image.ts';
import { type RotateActivities, rotateActivities } from './snapshot/rotate.ts';
import { type VerifyActivities, verifyActivities } from './verify.ts';
import { type WishActivities, wishActivities } from './wishes.ts';

/** Everything that touches no host. */
export type ControlActivities = AcceptBuildActivities &
  AcceptCacheActivities &
  AcceptDeleteActivities &
  AcceptDeleteImageActivities &
  AcceptGuestActivities &
  AcceptImportActivities &
  AcceptOthersActivities &
  AcceptSnapshotActivities &
  AcceptResizeActivities &
  AcceptLiveMigrationActivities &
  AcceptDecisionActivities &
  AcceptPasswordActivities &
  AcceptSoftDeleteActivities &
  AlterActivities &
  ReclaimActivities &
  RecordActivities &
  PlacementActivities &
  DebtActivities &
  AuditActivities &
  AddressActivities &
  RotateActivities &
  SnapshotImageActivities &
  VerifyActivities &
  WishActivities;

export function controlActivities(config: Config): ControlActivities {
  return {
    ...acceptBuildActivities(config),
    ...acceptCacheActivities(config),
    ...acceptDeleteActivities,
    ...acceptDeleteImageActivities,
    ...acceptGuestActivities(config),
    ...acceptImportActivities,
    ...acceptOthersActivities,
    ...acceptSnapshotActivities(config),
    ...acceptResizeActivities(config),
    ...acceptLiveMigrationActivities(config),
    ...acceptDecisionActivities,
    ...acceptPasswordActivities,
    ...acceptSoftDeleteActivities(config),
    ...alterActivities,
    ...reclaimActivities,
    ...recordActivities,
    ...placementActivities(config),
    ...debtActivities,
    ...auditActivities,
    ...addressActivities,
    ...rotateActivities,
    ...snapshotImageActivities,
    ...verifyActivities,
    ...wishActivities,
  };
}
