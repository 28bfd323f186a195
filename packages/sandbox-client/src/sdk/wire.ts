/** Bodies, answers and queries of the routes of a sandbox server, as they are on the wire. */

/** RFC 9457. `type` is a URN whose last part is the code of the error. */
export interface ProblemDetails {
  type: string;
  title: string;
  status: number;
  detail?: string | null;
  instance?: string | null;
  [key: string]: unknown;
}

export interface HealthResponse {
  status: string;
}

export interface ServerStatusInfo {
  status: "running" | "stopped";
  uptimeMs?: number | null;
}

export interface AgentCapabilities {
  commandExecution: boolean;
  errorEvents: boolean;
  fileAttachments: boolean;
  fileChanges: boolean;
  images: boolean;
  itemStarted: boolean;
  mcpTools: boolean;
  permissions: boolean;
  planMode: boolean;
  questions: boolean;
  reasoning: boolean;
  sessionLifecycle: boolean;
  sharedProcess: boolean;
  status: boolean;
  streamingDeltas: boolean;
  textMessages: boolean;
  toolCalls: boolean;
  toolResults: boolean;
}

/** One agent on offer. `version`, `path` and `configOptions` come with `config: true` only. */
export interface AgentInfo {
  capabilities: AgentCapabilities;
  configError?: string | null;
  configOptions?: unknown[] | null;
  credentialsAvailable: boolean;
  id: string;
  installed: boolean;
  path?: string | null;
  serverStatus?: ServerStatusInfo | null;
  version?: string | null;
}

export interface AgentListResponse {
  agents: AgentInfo[];
}

export interface AgentQueryOptions {
  /** Asks each installed agent for its version, models and modes. */
  config?: boolean;
  noCache?: boolean;
}

export interface AgentInstallRequest {
  agentProcessVersion?: string | null;
  agentVersion?: string | null;
  reinstall?: boolean | null;
}

export interface AgentInstallArtifact {
  kind: string;
  path: string;
  source: string;
  version?: string | null;
}

export interface AgentInstallResponse {
  already_installed: boolean;
  artifacts: AgentInstallArtifact[];
}

export interface AcpEnvelope {
  jsonrpc: string;
  id?: unknown;
  method?: string | null;
  params?: unknown;
  result?: unknown;
  error?: unknown;
}

export interface AcpServerInfo {
  agent: string;
  createdAtMs: number;
  serverId: string;
}

export interface AcpServerListResponse {
  servers: AcpServerInfo[];
}

export interface FsEntriesQuery {
  /** HOME by default. */
  path?: string | null;
}

export interface FsPathQuery {
  path: string;
}

export interface FsStatQuery extends FsPathQuery {
  /** Describes a link instead of what it points to. */
  noFollow?: boolean;
}

export interface FsRange {
  offset: number;
  length: number;
  /** Validator of the version that is wanted: `etag` of {@link FsStat}. */
  ifMatch?: string;
}

export interface FsWriteCondition {
  /** Validator of the version that is replaced. */
  ifMatch?: string;
  /** The file must not exist. */
  ifNoneMatch?: "*";
}

export interface FsSearchQuery {
  /** The directory; HOME by default. */
  path?: string;
  /** What lines hold: text, or with `regex` an expression. */
  pattern?: string;
  regex?: boolean;
  ignoreCase?: boolean;
  /** What the path, relative to the directory, contains, in upper or lower case. Not with `pattern`. */
  name?: string;
  /** Leaves out what git ignores. */
  skipIgnored?: boolean;
  /** Only paths, relative to the directory, that fit. */
  glob?: string;
  limit?: number;
}

export interface FsSearchResponse {
  matches: { path: string; pathBase64?: string; line?: number; text?: string }[];
  truncated: boolean;
  engine: "ripgrep" | "walk";
}

export interface FsDiffQuery {
  from: string;
  to: string;
  /** Lines around a change; 3 by default. */
  context?: number;
  /** Maximum number of files; 1,000 by default. */
  limit?: number;
}

export interface FsFileDiff {
  path: string;
  pathBase64?: string;
  status: "added" | "deleted" | "modified" | "type_changed";
  additions?: number;
  deletions?: number;
  /** A unified diff as git writes it. */
  patch?: string;
  /** Reason for its absence. */
  omitted?: "binary" | "too_large" | "too_different";
}

export interface FsDiffResponse {
  files: FsFileDiff[];
  truncated: boolean;
}

export interface FsDeleteQuery {
  path: string;
  recursive?: boolean | null;
}

export interface FsUploadBatchQuery {
  path?: string | null;
}

export interface FsEntry {
  entryType: "file" | "directory";
  /** RFC 3339. */
  modified?: string | null;
  name: string;
  path: string;
  /** Bytes. */
  size: number;
  special?: "symlink" | "socket" | "fifo" | "device";
  /** Where a link points to. */
  target?: string;
}

export interface FsStat {
  entryType: "file" | "directory";
  modified?: string | null;
  path: string;
  size: number;
  /** Permission bits. */
  mode?: number;
  /** The type of anything that is neither a regular file nor a directory. */
  special?: "symlink" | "socket" | "fifo" | "device";
  /** Where a link points to. */
  target?: string;
  /** Changes with each version of the file. */
  etag?: string;
}

export interface FsActionResponse {
  path: string;
}

export interface FsWriteResponse {
  bytesWritten: number;
  path: string;
  /** Validator of the new version. */
  etag?: string;
}

export interface FsMoveRequest {
  from: string;
  overwrite?: boolean | null;
  to: string;
}

export interface FsMoveResponse {
  from: string;
  to: string;
}

export interface FsUploadBatchResponse {
  /** At most 1,024; `truncated` is set if there were more. */
  paths: string[];
  truncated: boolean;
}

export interface McpConfigQuery {
  directory: string;
  mcpName: string;
}

export interface McpLocalServerConfig {
  type: "local";
  command: string;
  args?: string[];
  cwd?: string | null;
  enabled?: boolean | null;
  env?: { [key: string]: string } | null;
  timeoutMs?: number | null;
}

export interface McpRemoteServerConfig {
  type: "remote";
  url: string;
  bearerTokenEnvVar?: string | null;
  enabled?: boolean | null;
  envHeaders?: { [key: string]: string } | null;
  headers?: { [key: string]: string } | null;
  oauth?: { [key: string]: unknown } | null;
  timeoutMs?: number | null;
  transport?: string | null;
}

export type McpServerConfig = McpLocalServerConfig | McpRemoteServerConfig;

export interface SkillsConfigQuery {
  directory: string;
  skillName: string;
}

export interface SkillSource {
  /** `github`, `local` or `git`. */
  type: string;
  source: string;
  ref?: string | null;
  skills?: string[] | null;
  subpath?: string | null;
}

export interface SkillsConfig {
  sources: SkillSource[];
}

export interface ProcessConfig {
  defaultRunTimeoutMs: number;
  maxConcurrentProcesses: number;
  maxInputBytesPerRequest: number;
  maxLogBytesPerProcess: number;
  maxOutputBytes: number;
  maxRunTimeoutMs: number;
}

export interface ProcessCreateRequest {
  command: string;
  args?: string[];
  cwd?: string | null;
  env?: { [key: string]: string };
  interactive?: boolean;
  tty?: boolean;
}

export type ProcessOwner = "user" | "desktop" | "system";
export type ProcessState = "running" | "exited";
export type ProcessLogsStream = "stdout" | "stderr" | "combined" | "pty";

export interface ProcessInfo {
  id: string;
  command: string;
  args: string[];
  cwd?: string | null;
  createdAtMs: number;
  exitCode?: number | null;
  exitedAtMs?: number | null;
  interactive: boolean;
  owner: ProcessOwner;
  pid?: number | null;
  status: ProcessState;
  tty: boolean;
}

export interface ProcessListQuery {
  owner?: ProcessOwner | null;
}

export interface ProcessListResponse {
  processes: ProcessInfo[];
}

export interface ProcessInputRequest {
  data: string;
  /** `base64` by default; `utf8`, `text`. */
  encoding?: string | null;
  /** Ends the input after the data. */
  close?: boolean;
}

export interface ProcessInputResponse {
  bytesWritten: number;
}

export interface ProcessLogEntry {
  data: string;
  encoding: string;
  sequence: number;
  stream: ProcessLogsStream;
  timestampMs: number;
}

export interface ProcessLogsQuery {
  follow?: boolean | null;
  /** Only entries after this sequence. */
  since?: number | null;
  stream?: ProcessLogsStream | null;
  tail?: number | null;
}

export type ProcessLogFollowQuery = Omit<ProcessLogsQuery, "follow">;

export interface ProcessLogsResponse {
  entries: ProcessLogEntry[];
  processId: string;
  stream: ProcessLogsStream;
}

export interface ProcessRunRequest {
  command: string;
  args?: string[];
  cwd?: string | null;
  env?: { [key: string]: string };
  maxOutputBytes?: number | null;
  timeoutMs?: number | null;
}

export interface ProcessRunResponse {
  durationMs: number;
  exitCode?: number | null;
  stderr: string;
  stderrTruncated: boolean;
  stdout: string;
  stdoutTruncated: boolean;
  timedOut: boolean;
}

export interface ProcessSignalQuery {
  /** How long the answer waits for the end, in milliseconds. */
  waitMs?: number | null;
}

export interface ProcessTerminalResizeRequest {
  cols: number;
  rows: number;
}

export interface ProcessTerminalResizeResponse {
  cols: number;
  rows: number;
}
