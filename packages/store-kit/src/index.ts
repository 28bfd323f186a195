/**
 * Parts of a store whose data is on a server: local copies of actors' databases, the queue of turns whose connection
 * may be lost, images, migrations from another store. It knows no server; `@holdfast/store-postgres` and `@holdfast/store-redis` bring theirs.
 */
export { Backoff, type RetryLimits } from "./backoff.ts";
export { type AcquiredDatabase, Databases, type PageSource } from "./copies/databases.ts";
export { type CopyStamp, LocalCopies, type Page } from "./copies/local-copy.ts";
export {
  blobTooLarge,
  busy,
  ConnectionLost,
  closed,
  corrupt,
  duplicateKey,
  type Failure,
  fenced,
  indeterminate,
  invalidCommit,
  notFound,
} from "./errors.ts";
export { MeasuredSource } from "./images/measured-source.ts";
export { inPieces } from "./images/pieces.ts";
export { type ImageSink, readImage, useRollbackJournal } from "./images/read-image.ts";
export { remoteStoreLimits } from "./limits.ts";
export { type ArchiveSummary, summaryOf } from "./migration/archive-digest.ts";
export {
  type ExpectedCalls,
  type MigrationOptions,
  type MigrationPlan,
  type MigrationProgress,
  type MigrationReport,
  type MigrationState,
  type MigrationTarget,
  migrate,
  migrationState,
  notEmpty,
  otherData,
  unfinishedMigration,
  verifiedAtOnce,
} from "./migration/migration.ts";
export { type ArchiveContent, type ArchiveSink, readArchive } from "./migration/read-archive.ts";
export { type ChangedPages, checkCommit, type HistoryLimits, latestExpiry, sizeOf } from "./turns/batch.ts";
export { Committer, type TurnChannel, type TurnServer } from "./turns/committer.ts";
export { type CommittedRow, outcomeOf, type Turn } from "./turns/turn.ts";
