/** Public API for writing actors: `actor()`, actions, events, queues, schedules, contexts and their types. */

export {
  type ActionDefinition,
  type ActionErrors,
  type ActionTool,
  action,
  type DeclaredErrors,
} from "./action.ts";
export type { ActorBlobs, BlobInfo, BlobListOptions, BlobRange, ByteSource } from "./blob.ts";
export type {
  ActionContextOf,
  ActorContextOf,
  BeforeActionResponseContextOf,
  BeforeConnectContextOf,
  ConnContextOf,
  ConnectContextOf,
  ConnInitContextOf,
  CreateConnStateContextOf,
  CreateContextOf,
  CreateVarsContextOf,
  DestroyContextOf,
  DisconnectContextOf,
  MigrateContextOf,
  RequestContextOf,
  RunContextOf,
  SleepContextOf,
  StateChangeContextOf,
  WakeContextOf,
  WebSocketContextOf,
} from "./context-types.ts";
export type {
  AnyDatabase,
  DatabaseClient,
  DatabaseProvider,
  DatabaseProviderContext,
  RawAccess,
  SqlArguments,
  SqlInput,
  SqliteProfilingOptions,
  SqlParameters,
  SqlRow,
  TransactionOptions,
  UndeclaredDatabase,
} from "./database/database.ts";
export { type DatabaseConfig, db } from "./database/db.ts";
export type {
  NativeDatabaseProvider,
  RawDatabaseClient,
  SqliteBatchStatement,
  SqliteBindings,
  SqliteDatabase,
  SqliteExecuteResult,
  SqliteQueryResult,
  SqliteTransactionDatabase,
} from "./database/native-database.ts";
export type { SqlValue } from "./database/sql-value.ts";
export {
  type ActionSchemas,
  type ActorConfig,
  ActorDefinition,
  type AnyDefinition,
  actor,
  type InspectorTabConfig,
  type ParsedActorConfig,
  type RunHandler,
  type StateMigration,
} from "./definition.ts";
export { type EventOptions, type EventTokens, event } from "./event.ts";
export type { ActorKv, KvAs, KvKey, KvListOptions, KvPair, KvReadOptions, KvType, KvValue } from "./kv.ts";
export { actorLimits, optionDefaults } from "./limits.ts";
export { type ActorLogger, actorLogger } from "./logger.ts";
export type { ScheduledFireInfo, ScheduleKind } from "./ports/scheduled-fire.ts";
export {
  type ActorQueue,
  type CompletableQueueMessage,
  type QueueBatchOptions,
  type QueueMessage,
  type QueueNextOptions,
  type QueueOptions,
  type QueuePolicy,
  type QueueTokens,
  type QueueTryOptions,
  queue,
  type ReceivedMessage,
} from "./queue.ts";
export {
  type DefineRunHandlerOptions,
  defineRunHandler,
  getRunFunction,
  getRunMetadata,
  type RunMetadata,
} from "./run-handler.ts";
export {
  type ActorCron,
  type ActorSchedule,
  type CatchUp,
  type CronFire,
  type CronJobInfo,
  type CronOptions,
  type DeadSchedule,
  type EveryOptions,
  type FireError,
  type HistoryOptions,
  type RecurringOptions,
  type RetryPolicy,
  type ScheduledEventInfo,
  type TypedSchedule,
  typedSchedule,
} from "./schedule.ts";
export type {
  Action,
  ActionContext,
  ActionTree,
  ActorContext,
  ActorOptions,
  ActorPresence,
  ActorShape,
  AuthContext,
  AuthIntent,
  AuthOptions,
  BaseContext,
  Broadcast,
  BroadcastTarget,
  Conn,
  ConnContext,
  ParsedActorOptions,
  RequestContext,
  RunControl,
  SaveStateOptions,
  SendEvent,
  StateContext,
  StorageContext,
} from "./types.ts";

// What hosts and stores of actors are made with.

export type { BlobStore } from "./blob.ts";
export { Cancellation, type CancelSignal } from "./cancellation.ts";
export type { ActorDatabase, ActorStatement, DatabaseStore, StatementKind } from "./database/database.ts";
export { blobReferencePrefix } from "./internal/blob/references.ts";
export { invalidImport } from "./internal/export/export-frames.ts";
export { readInspectorToken } from "./internal/inspect/token.ts";
export { hashOfId, newActorId } from "./ports/actor-id.ts";
export type { ActorArchive, ArchivePart, ArchiveSource } from "./ports/archive.ts";
export type {
  ClusterStore,
  ClusterView,
  LeaseRecord,
  NodeDescription,
  NodeRecord,
  NodeSession,
  NotificationListener,
  Renewal,
  StoreNotifications,
} from "./ports/cluster-store.ts";
export { placeMark } from "./ports/cluster-store.ts";
export { createInstance } from "./ports/create-instance.ts";
export type { DueFilter } from "./ports/due-filter.ts";
export { exportActor, forkActor, type ImportIdentity, importActor, stateAt } from "./ports/history.ts";
export type { ActorImage, HistoryStore, ImageHeader, ImagePart, NewIdentity } from "./ports/history-store.ts";
export type {
  ActorInspection,
  DatabaseInspection,
  InspectedConnection,
  InspectedMessage,
  InspectedQueue,
  InspectedSchedule,
  InspectedTab,
  InspectedTable,
  InspectionTopic,
  InspectionWatcher,
  KvInspection,
  QueueInspection,
  ScheduleInspection,
  WorkflowDetails,
  WorkflowInspection,
  WorkflowInspector,
} from "./ports/inspection.ts";
export type {
  ActorCaller,
  ActorConnection,
  ActorHost,
  ActorInstance,
  ConnectionMemory,
  ConnectionSink,
  ConnectRequest,
  HibernatedConnection,
  InstanceStatus,
  InvokeCall,
  OutgoingSend,
  RawRequestCall,
  RawSocketCall,
  RawSocketHost,
  RawSocketKeeper,
  RequestSource,
  ResultStream,
  SendCall,
  StopReason,
  TraceAttributes,
} from "./ports/instance.ts";
export type { InstanceOptions, InstanceStart } from "./ports/instance-options.ts";
export { type ActorPosition, storeMovedConnections } from "./ports/moved-connections.ts";
export type { OutgoingEvent } from "./ports/outgoing-event.ts";
export type { ActorRecord, KvEntry, StoredState } from "./ports/records.ts";
export type {
  ActorPage,
  ActorStore,
  CallRecord,
  CommitBatch,
  DueCursor,
  KvOperation,
  KvRange,
  ListFilter,
  ListQuery,
  LoadedActor,
  NamespaceFilter,
} from "./ports/store.ts";
