/** Public API of the client: handles and connections, typed by a registry, for browsers and Node. */

// For applications

export { type ActionPromise, type Attempt, attempt } from "./attempt.ts";
export { createClient } from "./client.ts";
export type { ClientConfig } from "./config.ts";
export { ActorConnRaw, ActorHandleRaw, type InstanceTest } from "./instance-of.ts";
export { clientLimits } from "./limits.ts";
export type {
  ActorFilter,
  ActorStatus,
  ActorSummary,
  ActorSummaryPage,
  DestroyManyOptions,
  DestroyManyResult,
  ListActorsOptions,
} from "./management.ts";
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
} from "./raw/raw-socket.ts";
export { isRetryable } from "./retry.ts";
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

// For servers and other drivers: the driver interface and the wire format (docs/reference/wire.md)

export { createClientWithDriver } from "./client.ts";
export { IncomingStream, streamWindow } from "./connection/incoming-stream.ts";
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
export {
  emptyContext,
  errorStatus,
  registeredSdk,
  spanKinds,
  withSpan,
} from "./internal/open-telemetry.ts";
export type { ClientPorts } from "./internal/ports.ts";
export { closedReason, type SocketConstructor } from "./internal/socket.ts";
export { checkFilter, filterQuery, type ManageRequest, manageLimits, prefixText } from "./management.ts";
export { actorPath, rawPath } from "./network/address.ts";
export { closeReason } from "./network/close-reason.ts";
export { decodeEarlyEvents, eventsPrefix } from "./network/early-events.ts";
export { createNetworkDriver } from "./network/network.ts";
export { encodeStreamChunk, encodeStreamItem, streamContentType } from "./network/stream-body.ts";
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
} from "./network/wire.ts";
export { RenamingDriver } from "./renaming-driver.ts";
