/** What programs that use a machine see: options of actions, results, and payloads of events. */

/** A path that `readdirRecursive` lists. */
export interface DirEntry {
  readonly path: string;
  readonly type: "file" | "directory" | "symlink";
  readonly size: number;
  readonly isDirectory: boolean;
}

/** Result of `stat`; times are milliseconds since the epoch. */
export interface VirtualStat {
  readonly size: number;
  readonly isDirectory: boolean;
  readonly isSymbolicLink: boolean;
  readonly mode: number;
  readonly mtimeMs: number;
  readonly atimeMs: number;
  readonly ctimeMs: number;
  readonly birthtimeMs: number;
}

/** A file that `writeFiles` writes. */
export interface BatchWriteEntry {
  readonly path: string;
  readonly content: string | Uint8Array;
}

/** What became of one file of `writeFiles`. */
export interface BatchWriteResult {
  readonly path: string;
  readonly success: boolean;
  readonly error?: string;
}

/** A file that `readFiles` has read; `content` is null where that failed. */
export interface BatchReadResult {
  readonly path: string;
  readonly content: Uint8Array | null;
  readonly error?: string;
}

/** Options of `exec`. */
export interface ExecOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Standard input. */
  readonly stdin?: string | Uint8Array;
  /** Milliseconds, after which the command and what it started are killed. */
  readonly timeout?: number;
}

/** How a command of `exec` ended, and its whole output. */
export interface ExecResult {
  readonly stdout: string;
  readonly stderr: string;
  /** 137 for a shell that a signal ended. */
  readonly exitCode: number;
}

/** Options of `spawn`. */
export interface SpawnOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A process that `spawn` has started. */
export interface SpawnedProcessInfo {
  readonly pid: number;
  readonly command: string;
  readonly args: readonly string[];
  readonly running: boolean;
  readonly exitCode: number | null;
  readonly startedAt: number;
}

/** Any process of the machine. */
export interface ProcessInfo {
  readonly pid: number;
  readonly ppid: number;
  readonly pgid: number;
  readonly sid: number;
  readonly command: string;
  readonly args: readonly string[];
  readonly status: "running" | "stopped" | "exited";
}

/** A process with those that it has started. */
export interface ProcessTreeNode extends ProcessInfo {
  readonly children: readonly ProcessTreeNode[];
}

/** Options of `openShell`; the size of the terminal is in characters. */
export interface OpenShellOptions {
  readonly command?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly cols?: number;
  readonly rows?: number;
}

/** A request to a server inside the machine. */
export interface VmFetchOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** The answer of a server inside the machine, with its whole body. */
export interface VmFetchResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** An address at which a port of the machine is reached until `expiresAt`, in milliseconds since the epoch. */
export interface PreviewUrl {
  /** Below the actor's gateway URL (`handle.getGatewayUrl()`). */
  readonly path: string;
  readonly token: string;
  readonly port: number;
  readonly expiresAt: number;
}

/** What becomes of a run that is due while the last one still runs. */
export type CronOverlap = "allow" | "skip" | "queue";

/** What a schedule does: it runs a command, or prompts an agent in a new session. */
export type SerializableCronAction =
  | { readonly type: "exec"; readonly command: string; readonly args?: readonly string[] }
  | {
      readonly type: "session";
      readonly agentType: string;
      readonly prompt: string;
      readonly cwd?: string;
      readonly options?: CreateSessionOptions;
    };

/** A schedule of the machine. */
export interface SerializableCronJobOptions {
  readonly id?: string;
  /** A cron expression of five or six fields. */
  readonly schedule: string;
  readonly action: SerializableCronAction;
  /** "allow" by default. */
  readonly overlap?: CronOverlap;
}

/** A schedule as it is listed; times are milliseconds since the epoch. */
export interface CronJobInfo {
  readonly id: string;
  readonly schedule: string;
  readonly action: SerializableCronAction;
  readonly overlap: CronOverlap;
  readonly lastRun?: number;
  readonly nextRun?: number;
  readonly runCount: number;
  readonly running: boolean;
}

/** A run of a schedule began, ended or failed. */
export interface CronEvent {
  readonly type: "cron:fire" | "cron:complete" | "cron:error";
  readonly jobId: string;
  readonly time: number;
  readonly durationMs?: number;
  readonly error?: string;
}

/** An MCP server of a session: a program of the machine, or an address. */
export type McpServer =
  | {
      readonly type: "local";
      readonly command: string;
      readonly args?: readonly string[];
      readonly env?: Readonly<Record<string, string>>;
    }
  | { readonly type: "remote"; readonly url: string; readonly headers?: Readonly<Record<string, string>> };

/** Options of `createSession`. */
export interface CreateSessionOptions {
  /** HOME by default. */
  readonly cwd?: string;
  /** Model keys only, which stay on the host: see the guide. */
  readonly env?: Readonly<Record<string, string>>;
  readonly mcpServers?: readonly McpServer[];
  readonly skipOsInstructions?: boolean;
  readonly additionalInstructions?: string;
}

/** What an agent says of itself. */
export interface AgentInfo {
  readonly name: string;
  readonly title?: string;
  readonly version?: string;
}

/** A session of an agent. */
export interface SessionRecord {
  readonly sessionId: string;
  readonly agentType: string;
  readonly capabilities: Readonly<Record<string, unknown>>;
  readonly agentInfo: AgentInfo | null;
}

/** A session that is kept with the actor. */
export interface PersistedSessionRecord extends SessionRecord {
  readonly createdAt: number;
}

/** A message of an agent in JSON-RPC, as ACP defines it. */
export interface JsonRpcNotification {
  readonly jsonrpc: "2.0";
  readonly method: string;
  readonly params?: unknown;
}

/** An answer of an agent in JSON-RPC. */
export interface JsonRpcResponse {
  readonly jsonrpc: "2.0";
  readonly id: number | string | null;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

/** A message of a session that is kept with the actor, in the order of `seq`. */
export interface PersistedSessionEvent {
  readonly sessionId: string;
  readonly seq: number;
  readonly event: JsonRpcNotification;
  readonly createdAt: number;
}

/** A message of a session with its number. */
export interface SequencedEvent {
  readonly sequenceNumber: number;
  readonly notification: JsonRpcNotification;
}

/** Which messages `getSessionEvents` returns. */
export interface GetEventsOptions {
  /** Only events after this number. */
  readonly since?: number;
  readonly method?: string;
}

/** An answer to a question of permission. */
export type PermissionReply = "once" | "always" | "reject";

/** A question of an agent that waits for an answer. */
export interface PermissionRequest {
  readonly permissionId: string;
  readonly description?: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** How a turn of an agent ended. */
export interface PromptResult {
  readonly response: JsonRpcResponse;
  /** The text of the agent's messages in this turn. */
  readonly text: string;
}

/** An agent that machines can run. */
export interface AgentListEntry {
  readonly id: string;
  readonly installed: boolean;
}

/** Payload of `sessionEvent`: what an agent said. */
export interface SessionEventPayload {
  readonly sessionId: string;
  readonly event: JsonRpcNotification;
}

/** Payload of `permissionRequest`. */
export interface PermissionRequestPayload {
  readonly sessionId: string;
  readonly request: PermissionRequest;
}

/** Payload of `vmBooted`. */
export type VmBootedPayload = Record<string, never>;

/** Payload of `vmShutdown`: why the machine ended. */
export interface VmShutdownPayload {
  readonly reason: "sleep" | "destroy" | "error";
}

/** Payload of `processOutput`. */
export interface ProcessOutputPayload {
  readonly pid: number;
  readonly stream: "stdout" | "stderr";
  readonly data: Uint8Array;
}

/** Payload of `processExit`. */
export interface ProcessExitPayload {
  readonly pid: number;
  readonly exitCode: number;
}

/** Payload of `shellData`. */
export interface ShellDataPayload {
  readonly shellId: string;
  readonly data: Uint8Array;
}

/** Payload of `shellExit`. */
export interface ShellExitPayload {
  readonly shellId: string;
  readonly exitCode: number;
}

/** Payload of `cronEvent`. */
export interface CronEventPayload {
  readonly event: CronEvent;
}

/** Events by name. */
export interface AgentOsEvents {
  readonly sessionEvent: SessionEventPayload;
  readonly permissionRequest: PermissionRequestPayload;
  readonly vmBooted: VmBootedPayload;
  readonly vmShutdown: VmShutdownPayload;
  readonly processOutput: ProcessOutputPayload;
  readonly processExit: ProcessExitPayload;
  readonly shellData: ShellDataPayload;
  readonly shellExit: ShellExitPayload;
  readonly cronEvent: CronEventPayload;
}
