/**
 * API for plugin authors: `@holdfast/gate/plugin`, and `@carapace/core/plugin` for plugins written for it. It has no
 * dependencies, since it also runs inside the plugin's jail.
 */

/** Codes of the errors that a call of a tool can end with. The error of a handler has a code of its own, or HANDLER_ERROR. */
export const ErrorCode = {
  UNKNOWN_TOOL: "UNKNOWN_TOOL",
  VALIDATION_FAILED: "VALIDATION_FAILED",
  UNAUTHORIZED: "UNAUTHORIZED",
  RATE_LIMITED: "RATE_LIMITED",
  CONFIRMATION_TIMEOUT: "CONFIRMATION_TIMEOUT",
  CONFIRMATION_DENIED: "CONFIRMATION_DENIED",
  PLUGIN_TIMEOUT: "PLUGIN_TIMEOUT",
  PLUGIN_UNAVAILABLE: "PLUGIN_UNAVAILABLE",
  PLUGIN_ERROR: "PLUGIN_ERROR",
  HANDLER_ERROR: "HANDLER_ERROR",
} as const;

/** One of the codes of {@link ErrorCode}. */
export type ErrorCodeValue = (typeof ErrorCode)[keyof typeof ErrorCode];

/** Codes reserved for the pipeline. If a handler uses one, it becomes HANDLER_ERROR. */
const reservedCodes: ReadonlySet<string> = new Set([
  ErrorCode.UNKNOWN_TOOL,
  ErrorCode.VALIDATION_FAILED,
  ErrorCode.UNAUTHORIZED,
  ErrorCode.RATE_LIMITED,
  ErrorCode.CONFIRMATION_TIMEOUT,
  ErrorCode.CONFIRMATION_DENIED,
]);

const retriableByDefault: ReadonlySet<string> = new Set([
  ErrorCode.PLUGIN_TIMEOUT,
  ErrorCode.PLUGIN_UNAVAILABLE,
]);

/** An error of a handler, as its caller sees it. */
export interface ErrorPayload {
  /** HANDLER_ERROR, or a code of the plugin's own. */
  readonly code: string;
  readonly message: string;
  readonly retriable: boolean;
  readonly stage?: 1 | 2 | 3 | 4 | 5 | 6;
  /** The invalid argument. */
  readonly field?: string;
  /** Seconds. */
  readonly retry_after?: number;
}

/** Options of a `ToolError`. */
export interface ToolErrorOptions {
  readonly code: string;
  readonly message: string;
  readonly retriable?: boolean | undefined;
  readonly field?: string | undefined;
  readonly retry_after?: number | undefined;
}

/** A registered symbol, so that errors of another copy of this module are recognised too. */
const brand = Symbol.for("carapace.ToolError");

/** Thrown by a handler to report an error to the agent. The message of any other error never reaches it. */
export class ToolError extends Error {
  readonly code: string;
  readonly retriable: boolean;
  readonly field?: string;
  readonly retry_after?: number;
  readonly [brand] = true;

  constructor(options: ToolErrorOptions) {
    super(options.message);
    this.name = "ToolError";
    this.code = reservedCodes.has(options.code) ? ErrorCode.HANDLER_ERROR : options.code;
    this.retriable = options.retriable ?? retriableByDefault.has(this.code);
    if (options.field !== undefined) this.field = options.field;
    if (options.retry_after !== undefined) this.retry_after = options.retry_after;
  }

  toErrorPayload(): ErrorPayload {
    return {
      code: this.code,
      message: this.message,
      retriable: this.retriable,
      ...(this.field === undefined ? {} : { field: this.field }),
      ...(this.retry_after === undefined ? {} : { retry_after: this.retry_after }),
    };
  }
}

/** True for errors that carry the brand; an object that merely looks like one does not. */
export function isToolError(value: unknown): value is ToolError {
  return typeof value === "object" && value !== null && Reflect.get(value, brand) === true;
}

/** Parts of an error message: the component, the problem and the fix. */
export interface ErrorMessageParts {
  readonly component: string;
  readonly what: string;
  readonly how: string;
  readonly docs?: string;
}

/** `[COMPONENT] Error: what. Fix: how.` and, where given, `Docs: link`. */
export function formatErrorMessage({ component, what, how, docs }: ErrorMessageParts): string {
  const text = `[${component}] Error: ${what}. Fix: ${how}.`;
  return docs === undefined ? text : `${text} Docs: ${docs}`;
}

/** A property of an arguments schema. */
export interface JsonSchemaProperty {
  type: string;
  description?: string;
  default?: unknown;
  maxLength?: number;
  format?: string;
  maximum?: number;
  minimum?: number;
  maxItems?: number;
  enum?: unknown[];
  items?: JsonSchemaProperty;
}

/** JSON Schema of the arguments of a tool. */
export interface ArgumentsSchema {
  type: "object";
  additionalProperties: false;
  properties: Record<string, JsonSchemaProperty>;
  required?: string[];
}

/** A tool, as the manifest declares it. */
export interface ToolDeclaration {
  name: string;
  description: string;
  risk_level: "low" | "high";
  arguments_schema: ArgumentsSchema;
  /** JSON Schema of the result. */
  output_schema?: Record<string, unknown>;
  /** Milliseconds; the plugin's own, or 30,000. */
  timeout_ms?: number;
  /** Its results were written by others (a web page, a mail), so they taint the caller's session. */
  untrusted?: boolean;
}

/** A credential that a plugin asks the person for. */
export interface CredentialSpec {
  key: string;
  description: string;
  required: boolean;
  obtain_url?: string;
  format_hint?: string;
}

/** An egress upstream that a plugin asks for: one host, over HTTP. */
export interface EgressDeclaration {
  /** Machine-readable; the handler reaches it by its own URL or by `services.egress[name]`. */
  name: string;
  /** `https://host` with an optional base path. */
  url: string;
  /** Upper-case; GET alone when absent. */
  methods?: string[];
  /** Path prefixes below the URL; everything when absent. */
  paths?: string[];
  /** Key of one of the plugin's credentials: the gate presents it, and the handler never holds it. */
  credential?: string;
  /** How it is presented; `bearer` by default. */
  credential_as?: "bearer" | "x-api-key";
}

/** The `manifest.json` of a plugin. */
export interface PluginManifest {
  description: string;
  version: string;
  app_compat: string;
  author: { name: string; url?: string };
  provides: { channels: string[]; tools: ToolDeclaration[] };
  subscribes: string[];
  allowed_groups?: string[];
  session?: "fresh" | "resume" | "explicit";
  install?: { credentials: CredentialSpec[] };
  config_schema?: { type: string; properties: Record<string, JsonSchemaProperty>; required?: string[] };
  egress?: EgressDeclaration[];
  /** Default timeout of its tools in milliseconds; 1 to 600,000. */
  timeout_ms?: number;
  /** Names of credentials that the handler receives; by default all of its own. */
  secrets?: string[];
  /** `sha256:...` of the folder, as `holdfast plugin validate` prints it. */
  digest?: string;
}

/** The session of a call. */
export interface SessionInfo {
  group: string;
  sessionId: string;
  startedAt: string;
}

/** Filter of audit entries. */
export interface AuditLogFilter {
  correlation?: string;
  topic?: string;
  outcome?: "success" | "error";
  last_n?: number;
  /** ISO 8601. */
  since?: string;
  until?: string;
}

/** An audit entry as plugins see it. */
export interface AuditLogEntry {
  id: string;
  timestamp: string;
  topic: string;
  correlation: string;
  outcome: "success" | "error";
  detail: Record<string, unknown>;
}

/** Services of the gate for a handler. */
export interface CoreServices {
  /** Audit entries of this plugin's tools in the group of the current call. */
  getAuditLog(filters: AuditLogFilter): Promise<AuditLogEntry[]>;
  getToolCatalog(): ToolDeclaration[];
  /** Of the current call; empty outside one. */
  getSessionInfo(): SessionInfo;
  /** One of this plugin's own credentials. Throws if the key is invalid or the credential does not exist. */
  readCredential(key: string): string;
  /** True when the process was started only to run `verify()`. */
  readonly verifyOnly: boolean;
}

/** Services beyond those of the peer. */
export interface PluginServices extends CoreServices {
  /** `config.json`, checked against `config_schema`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The only folder that the plugin can write and that persists. */
  readonly dataDirectory: string;
  /** Base URL on the loopback of each declared egress, by name. */
  readonly egress: Readonly<Record<string, string>>;
  /** Folders that the operator shares with this plugin, by name. */
  readonly folders: Readonly<Record<string, SharedFolder>>;
  /**
   * True for a built-in plugin whose data is in the store of all nodes: its process keeps none, and does what the gate asks
   * it for.
   */
  readonly sharesData?: boolean;
  /** Servers that the operator lets this plugin reach by TCP, by name. */
  readonly connections: Readonly<Record<string, ServerConnection>>;
}

/** A server that the operator lets the plugin reach. */
export interface ServerConnection {
  /** The server's own name and port, for example for its certificate. */
  readonly host: string;
  readonly port: number;
  /** Port on 127.0.0.1 that is forwarded to it. */
  readonly localPort: number;
}

/** A folder of the host that the operator lets the plugin use. */
export interface SharedFolder {
  readonly path: string;
  readonly mode: "ro" | "rw";
  /** Whether another plugin writes there or below, so that files can contain untrusted content. */
  readonly writtenByOthers?: boolean;
}

/** An event that a plugin publishes to sessions. */
export interface PublishedEvent {
  topic: string;
  source?: string;
  /** When absent: the one group that the manifest allows, or "default". */
  group?: string;
  payload: Record<string, unknown>;
}

/** Additional services of plugins that declare `provides.channels`. */
export interface ChannelServices extends CoreServices {
  /** Rejects when the plugin publishes faster than its allowance, or too much. */
  publishEvent(event: PublishedEvent): Promise<void>;
}

/** The caller, as the host knows it; never taken from arguments. */
export interface PluginContext {
  group: string;
  sessionId: string;
  correlationId: string;
  /** ISO 8601. */
  timestamp: string;
  user?: string;
  organization?: string;
  agent?: string;
  /** Untrusted content has entered the session. */
  tainted?: boolean;
  /** Aborted when the caller cancels or the timeout elapses. */
  signal?: AbortSignal;
  /** Reports progress to the caller. */
  progress?: (progress: { progress: number; total?: number; message?: string }) => void;
}

/** A handler's answer to a call. */
export type ToolInvocationResult =
  | {
      ok: true;
      result: Record<string, unknown>;
      /** This result contains untrusted content and taints the session of its caller. */
      untrusted?: boolean;
    }
  | { ok: false; error: ErrorPayload };

/** An event, as handlers get it. */
export interface EventEnvelope {
  id: string;
  version: 1;
  type: "event";
  topic: string;
  source: string;
  correlation: string | null;
  timestamp: string;
  group: string;
  payload: Record<string, unknown>;
}

/** A session of a group. */
export interface SessionRecord {
  sessionId: string;
  group: string;
  startedAt: string;
  endedAt: string | null;
  resumable: boolean;
}

/** Filter of sessions. */
export interface SessionFindCriteria {
  resumable?: boolean;
  limit?: number;
}

/** The earlier sessions of a group. */
export interface SessionLookup {
  latest(): Promise<string | null>;
  find(criteria: SessionFindCriteria): Promise<SessionRecord[]>;
}

/** Whether a plugin works, and its problem if it does not. */
export interface PluginVerifyResult {
  ok: boolean;
  message: string;
  detail?: Record<string, unknown>;
}

/** Handler that a plugin's `handler.ts` exports, as default or as `handler`. */
export interface PluginHandler {
  /** Called once; must finish within 10 seconds. */
  initialize(services: CoreServices): Promise<void>;
  handleToolInvocation(
    tool: string,
    args: Record<string, unknown>,
    context: PluginContext,
  ): Promise<ToolInvocationResult>;
  handleEvent?(envelope: EventEnvelope): Promise<void>;
  /** For `session: "explicit"`: the session that answers an event, or null for a new one. */
  resolveSession?(event: EventEnvelope, sessions: SessionLookup): Promise<string | null>;
  /** Checks, without side effects, that credentials and service work. Must finish within 10 seconds. */
  verify?(): Promise<PluginVerifyResult>;
  /** Called once; must finish within 5 seconds. */
  shutdown(): Promise<void>;
}
