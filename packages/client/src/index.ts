export { actorPath, rawPath } from "./address.ts";
export { type ActionPromise, type Attempt, attempt } from "./attempt.ts";
export { createClient, createClientWithDriver } from "./client.ts";
export { closeReason } from "./close-reason.ts";
export type { ClientConfig } from "./config.ts";
export {
  type ActorTarget,
  type ClientDriver,
  type ClientFrame,
  type ClosedReason,
  type DriverCall,
  type DriverConnection,
  type DriverCreate,
  type DriverFetch,
  type DriverListener,
  type DriverSend,
  type DriverSendReply,
  type DriverWebSocket,
  type Liveness,
  type PreparedFrame,
  protocolVersion,
  type ResumeInfo,
  type ResumePoint,
  type SendContent,
  type ServerFrame,
} from "./driver.ts";
export { decodeEarlyEvents, eventsPrefix } from "./early-events.ts";
export { ActorConnRaw, ActorHandleRaw, type InstanceTest } from "./instance-tests.ts";
export { IncomingStream, streamWindow } from "./internal/incoming-stream.ts";
export type { ClientPorts } from "./internal/ports.ts";
export { closedReason, type SocketConstructor } from "./internal/socket.ts";
export { clientLimits } from "./limits.ts";
export {
  type ActorFilter,
  type ActorStatus,
  type ActorSummary,
  type ActorSummaryPage,
  checkFilter,
  type DestroyManyOptions,
  type DestroyManyResult,
  filterQuery,
  type ListActorsOptions,
  type ManageRequest,
  manageLimits,
  prefixText,
} from "./management.ts";
export { createNetworkDriver } from "./network.ts";
export type {
  QueueBody,
  QueueMessageOptions,
  QueueName,
  QueueResponse,
  QueueSendOptions,
  QueueSendResult,
  QueueWaitOptions,
  SendToQueue,
} from "./queue.ts";
export {
  BufferedWebSocket,
  type RawCloseEvent,
  type RawData,
  type RawErrorEvent,
  type RawEventListener,
  type RawListener,
  type RawMessageEvent,
  type RawOpenEvent,
  type RawTransport,
  type RawWebSocket,
} from "./raw-socket.ts";
export { isRetryable } from "./retry.ts";
export { encodeStreamChunk, encodeStreamItem, streamContentType } from "./stream-body.ts";
export type { EventToken, QueueToken } from "./tokens.ts";
export type {
  ActionOptions,
  ActionProxies,
  ActionResult,
  ActionStream,
  ActorAccessor,
  ActorConn,
  ActorConnBase,
  ActorHandle,
  ActorHandleBase,
  ActorTypes,
  AnyActorDefinition,
  AnyRegistry,
  Client,
  ClientBase,
  ClientOf,
  ConnStatus,
  CreateOptions,
  EventArguments,
  EventName,
  EventPayload,
  GetOrCreateOptions,
  HandleOptions,
  SkipReadyWait,
  UntypedRegistry,
} from "./types.ts";
export {
  contentType,
  decode,
  decodeClientMessage,
  decodeParams,
  decodeServerMessage,
  type Encoding,
  encode,
  encodeOutput,
  encodeParams,
  encodingPrefix,
  header,
  joinFrames,
  paramsPrefix,
  prepareChunk,
  prepareClientFrame,
  prepareEvent,
  prepareResult,
  prepareServerFrame,
  resumePrefix,
  subprotocol,
  tokenPrefix,
  trustedDepth,
} from "./wire.ts";
