export type {
  ActorDatabase,
  AnyDatabase,
  DatabaseClient,
  DatabaseProvider,
  DatabaseProviderContext,
  SqlRow,
  SqlValue,
} from "./database.ts";
export { type ActorConfig, type ActorDefinition, type AnyDefinition, actor } from "./definition.ts";
export { type EventOptions, type EventTokens, event } from "./event.ts";
export {
  type ActorCaller,
  type ActorConnection,
  type ActorHost,
  type ActorInstance,
  type ConnectionSink,
  type ConnectRequest,
  createInstance,
  type InstanceOptions,
  type InstanceStart,
  type InstanceStatus,
  type InvokeCall,
  type OutgoingEvent,
  type StopReason,
} from "./instance.ts";
export type { ActorKv, KvAs, KvKey, KvListOptions, KvPair, KvReadOptions, KvType, KvValue } from "./kv.ts";
export { type QueueOptions, type QueuePolicy, type QueueTokens, queue } from "./queue.ts";
export type {
  ActorPage,
  ActorRecord,
  ActorStore,
  CallRecord,
  CommitBatch,
  KvEntry,
  KvOperation,
  KvRange,
  ListQuery,
  LoadedActor,
  StoredState,
} from "./store.ts";
export type {
  Action,
  ActionContext,
  ActionContextOf,
  ActionTree,
  ActorContext,
  ActorContextOf,
  ActorOptions,
  ActorShape,
  BaseContext,
  Conn,
  SaveStateOptions,
  SendEvent,
  StateContext,
  StorageContext,
} from "./types.ts";
