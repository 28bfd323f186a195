export { type CallOptions, SandboxClient, type SandboxFs } from "./client.ts";
export { clientLimits } from "./limits.ts";
export type {
  AcpConnection,
  AcpOptions,
  AcpServerInfo,
  AgentExit,
  AgentInfo,
  CloseReason,
  EntryType,
  Envelope,
  FileContent,
  FsEntry,
  FsStat,
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
