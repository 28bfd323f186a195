/**
 * The part of the Agent Client Protocol (wire version 1) that this package reads. Other messages of an agent pass
 * through unchanged.
 */

export interface AnyRequest {
  jsonrpc: "2.0";
  id: string | number | null;
  method: string;
  params?: unknown;
}

export interface AnyNotification {
  jsonrpc: "2.0";
  method: string;
  params?: unknown;
}

export interface ErrorResponse {
  code: number;
  message: string;
  data?: unknown;
}

export type AnyResponse = { jsonrpc: "2.0"; id: string | number | null } & (
  | { result: unknown }
  | { error: ErrorResponse }
);

/** One JSON-RPC message, in either direction. */
export type AnyMessage = AnyRequest | AnyResponse | AnyNotification;

interface Meta {
  _meta?: { [key: string]: unknown } | null;
}

export interface EnvVariable extends Meta {
  name: string;
  value: string;
}

export interface HttpHeader extends Meta {
  name: string;
  value: string;
}

/** An MCP server that a session is given. */
export type McpServer =
  /** An MCP server of the client itself; its `id` names one of the `mcpServers` of the client's options. */
  | ({ type: "acp"; name: string; id: string } & Meta)
  | ({ type: "http" | "sse"; name: string; url: string; headers: HttpHeader[] } & Meta)
  | ({ name: string; command: string; args: string[]; env: EnvVariable[] } & Meta);

export interface NewSessionRequest extends Meta {
  /** Absolute path on the side of the agent. */
  cwd: string;
  mcpServers: McpServer[];
}

interface Annotations extends Meta {
  audience?: ("assistant" | "user")[] | null;
  lastModified?: string | null;
  priority?: number | null;
}

interface Annotated extends Meta {
  annotations?: Annotations | null;
}

export type ContentBlock =
  | (Annotated & { type: "text"; text: string })
  /** `data` is base64. */
  | (Annotated & { type: "image"; data: string; mimeType: string; uri?: string | null })
  | (Annotated & { type: "audio"; data: string; mimeType: string })
  | (Annotated & {
      type: "resource_link";
      name: string;
      uri: string;
      title?: string | null;
      description?: string | null;
      mimeType?: string | null;
      size?: number | null;
    })
  | (Annotated & {
      type: "resource";
      resource: { uri: string; mimeType?: string | null } & ({ text: string } | { blob: string });
    });

export interface PromptRequest extends Meta {
  sessionId: string;
  prompt: ContentBlock[];
}

export type StopReason = "end_turn" | "max_tokens" | "max_turn_requests" | "refusal" | "cancelled";

export interface PromptResponse extends Meta {
  stopReason: StopReason;
  usage?: { [key: string]: unknown } | null;
  userMessageId?: string | null;
}

export interface SessionMode extends Meta {
  id: string;
  name: string;
  description?: string | null;
}

export interface SessionModeState extends Meta {
  availableModes: SessionMode[];
  currentModeId: string;
}

export interface SessionConfigSelectOption extends Meta {
  value: string;
  name: string;
  description?: string | null;
}

export interface SessionConfigSelectGroup extends Meta {
  group: string;
  name: string;
  options: SessionConfigSelectOption[];
}

interface ConfigOptionBase extends Meta {
  id: string;
  name: string;
  description?: string | null;
  /** `mode`, `model`, `thought_level`, or a category of the agent. */
  category?: string | null;
}

/** Something of a session that can be set: its model, its mode, how much it thinks. */
export type SessionConfigOption =
  | (ConfigOptionBase & {
      type: "select";
      currentValue: string;
      options: SessionConfigSelectOption[] | SessionConfigSelectGroup[];
    })
  | (ConfigOptionBase & { type: "boolean"; currentValue: boolean });

export interface SetSessionModeResponse extends Meta {}

export interface SetSessionConfigOptionResponse extends Meta {
  configOptions: SessionConfigOption[];
}

export interface NewSessionResponse extends Meta {
  sessionId: string;
  configOptions?: SessionConfigOption[] | null;
  modes?: SessionModeState | null;
}

export type PermissionOptionKind = "allow_once" | "allow_always" | "reject_once" | "reject_always";

export interface PermissionOption extends Meta {
  optionId: string;
  name: string;
  kind: PermissionOptionKind;
}

/** The tool call that needs permission, as described by the agent. */
export interface PermissionToolCall extends Meta {
  toolCallId: string;
  title?: string | null;
  kind?: string | null;
  status?: string | null;
  rawInput?: unknown;
  rawOutput?: unknown;
  content?: unknown[] | null;
  locations?: { path: string; line?: number | null }[] | null;
}

export interface RequestPermissionRequest extends Meta {
  sessionId: string;
  options: PermissionOption[];
  toolCall: PermissionToolCall;
}

export interface RequestPermissionResponse extends Meta {
  outcome: { outcome: "cancelled" } | ({ outcome: "selected"; optionId: string } & Meta);
}

/** Direction, from the client's side. */
export type AcpEnvelopeDirection = "inbound" | "outbound";
