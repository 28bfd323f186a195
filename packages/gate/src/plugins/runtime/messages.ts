import type {
  AuditLogFilter,
  ErrorPayload,
  EventEnvelope,
  PluginVerifyResult,
  PublishedEvent,
  SessionFindCriteria,
  SharedFolder,
  ToolDeclaration,
} from "./api.ts";

/** Version 1 of the channel's messages. */
export const channelVersion = 1;

/** First message to a plugin's process, before any plugin code runs. */
export interface StartMessage {
  readonly type: "start";
  readonly version: typeof channelVersion;
  readonly plugin: string;
  /** Folder of the plugin as this process sees it. */
  readonly directory: string;
  readonly dataDirectory: string;
  /** Only those of this plugin. */
  readonly credentials: Readonly<Record<string, string>>;
  readonly config: Readonly<Record<string, unknown>>;
  readonly catalog: readonly ToolDeclaration[];
  readonly channels: boolean;
  readonly verifyOnly: boolean;
  /** A missing credential reads as "", for the conformance suite. */
  readonly withoutCredentials?: boolean;
  readonly needsResolveSession: boolean;
  readonly sharesData?: boolean;
  readonly egress?: {
    /** Unix socket of the proxy as this process sees it. */
    readonly socketPath: string;
    readonly upstreams: readonly { readonly name: string; readonly url: string }[];
    /** Whether the operator opened hosts: any address may be requested, and the proxy decides. */
    readonly hosts?: boolean;
  };
  readonly folders: Readonly<Record<string, SharedFolder>>;
  /** Servers that the operator granted, each with the path of its Unix socket in this process. */
  readonly connections?: readonly {
    readonly name: string;
    readonly host: string;
    readonly port: number;
    readonly socketPath: string;
  }[];
}

export interface InvocationContext {
  readonly group: string;
  readonly sessionId: string;
  readonly startedAt: string;
  readonly correlationId: string;
  readonly timestamp: string;
  readonly user?: string;
  readonly organization?: string;
  readonly agent?: string;
  readonly tainted?: boolean;
}

export type HostMessage =
  | StartMessage
  | {
      readonly type: "invoke";
      readonly id: number;
      readonly tool: string;
      readonly arguments: Record<string, unknown>;
      readonly context: InvocationContext;
    }
  | { readonly type: "cancel"; readonly id: number }
  | { readonly type: "event"; readonly id: number; readonly envelope: EventEnvelope }
  | { readonly type: "resolve_session"; readonly id: number; readonly envelope: EventEnvelope }
  | { readonly type: "verify"; readonly id: number }
  | { readonly type: "shutdown"; readonly id: number }
  | { readonly type: "ping"; readonly id: number }
  | { readonly type: "catalog"; readonly catalog: readonly ToolDeclaration[] }
  | { readonly type: "credentials"; readonly credentials: Readonly<Record<string, string>> }
  | { readonly type: "answer"; readonly id: number; readonly value: unknown }
  | { readonly type: "failure"; readonly id: number; readonly message: string };

export type StartFailure = "missing_handler" | "invalid_manifest" | "init_error";

export type ProcessMessage =
  | { readonly type: "ready"; readonly version: typeof channelVersion; readonly handles: readonly string[] }
  | { readonly type: "failed"; readonly category: StartFailure; readonly message: string }
  | {
      readonly type: "result";
      readonly id: number;
      readonly result: unknown;
      readonly untrusted?: boolean;
    }
  | { readonly type: "error"; readonly id: number; readonly error: ErrorPayload }
  /** An error that is not for the agent; the text is for the host's log. */
  | { readonly type: "thrown"; readonly id: number; readonly message: string }
  | {
      readonly type: "progress";
      readonly id: number;
      readonly progress: number;
      readonly total?: number;
      readonly message?: string;
    }
  | { readonly type: "done"; readonly id: number; readonly value?: string | PluginVerifyResult | null }
  | { readonly type: "ask"; readonly id: number; readonly ask: Question };

/** A plugin's request to the host. `call` is the call it belongs to; the host knows its caller. */
export type Question =
  | { readonly what: "audit"; readonly call?: number; readonly filter: AuditLogFilter }
  | { readonly what: "publish"; readonly event: PublishedEvent }
  | { readonly what: "sessions.latest"; readonly call: number }
  | { readonly what: "sessions.find"; readonly call: number; readonly criteria: SessionFindCriteria };
