/** Public API of the SDK. @module */
export { type CallOptions, SandboxClient, type SandboxFs } from "./client.ts";
export { clientLimits } from "./limits.ts";
export { InMemorySessionPersistDriver, type InMemorySessionPersistDriverOptions } from "./persist/memory.ts";
export type { SandboxProvider } from "./providers/provider.ts";
export type * from "./sdk/acp/acp-types.ts";
export type { ClientMcpServer, ClientMcpServers, ClientMcpTransport } from "./sdk/acp/client-mcp.ts";
export { LiveAcpConnection, type LiveAcpConnectionOptions } from "./sdk/acp/live-connection.ts";
export type * from "./sdk/desktop/desktop-wire.ts";
export { DesktopStreamSession } from "./sdk/desktop/stream/desktop-stream.ts";
export type * from "./sdk/desktop/stream/stream-types.ts";
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
export type {
  SandboxAgentConnectOptions,
  SandboxAgentHealthWaitOptions,
  SandboxAgentStartOptions,
} from "./sdk/options.ts";
export type { ProcessLogListener, ProcessLogSubscription } from "./sdk/process-logs.ts";
export { SandboxAgent } from "./sdk/sandbox-agent.ts";
export { RemoteSessions } from "./sdk/sessions/remote-sessions.ts";
export type * from "./sdk/sessions/remote-types.ts";
export { type PromptOptions, Session } from "./sdk/sessions/session.ts";
export type * from "./sdk/sessions/sessions.ts";
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
