export { type CallOptions, SandboxClient, type SandboxFs } from "./client.ts";
export { clientLimits } from "./limits.ts";
export { InMemorySessionPersistDriver, type InMemorySessionPersistDriverOptions } from "./persist/memory.ts";
export type { SandboxProvider } from "./providers/provider.ts";
export type * from "./sdk/acp-types.ts";
export {
  AcpRpcError,
  SandboxAgentError,
  SandboxDestroyedError,
  UnsupportedPermissionReplyError,
  UnsupportedSessionCategoryError,
  UnsupportedSessionConfigOptionError,
  UnsupportedSessionValueError,
} from "./sdk/errors.ts";
export { buildInspectorUrl, type InspectorUrlOptions } from "./sdk/inspector-url.ts";
export { LiveAcpConnection, type LiveAcpConnectionOptions } from "./sdk/live-connection.ts";
export type {
  SandboxAgentConnectOptions,
  SandboxAgentHealthWaitOptions,
  SandboxAgentStartOptions,
} from "./sdk/options.ts";
export type { ProcessLogListener, ProcessLogSubscription } from "./sdk/process-logs.ts";
export { RemoteSessions } from "./sdk/remote-sessions.ts";
export type * from "./sdk/remote-types.ts";
export { SandboxAgent } from "./sdk/sandbox-agent.ts";
export { type PromptOptions, Session } from "./sdk/session.ts";
export type * from "./sdk/sessions.ts";
export * from "./sdk/terminal.ts";
export type * from "./sdk/wire.ts";
export type {
  AcpConnection,
  AcpOptions,
  AgentExit,
  CloseReason,
  EntryType,
  Envelope,
  FileContent,
  Json,
  RequestOptions,
  RpcErrorObject,
  RpcId,
  RpcMessage,
  RunRequest,
  RunResult,
  SandboxConnectOptions,
  StreamGap,
} from "./types.ts";
