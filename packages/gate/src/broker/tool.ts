/** The caller, as the host knows it from the jail's endpoint. Nothing in it comes from inside the jail. */
export interface Principal {
  readonly jailId: string;
  readonly session: string;
  /**
   * Names a workspace that several sessions work in: what taints one taints all of them, since it may be in the files
   * that they share. By default the session has one of its own.
   */
  readonly workspace?: string;
  /** Sessions, memory and credentials of one group are invisible to another. */
  readonly group: string;
  readonly organization?: string;
  readonly user?: string;
  readonly agent?: string;
}

/** A JSON Schema (draft 2020-12) object. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** A tool that jails may call. */
export interface Tool {
  /** `/^[a-z][a-z0-9_]*$/`, unique in the catalog. */
  readonly name: string;
  readonly description: string;
  /** Name of the plugin that answers; "core" for the gate's own tools. */
  readonly plugin: string;
  /** Approvals are bound to it. */
  readonly pluginVersion: string;
  readonly riskLevel: "low" | "high";
  /** An object schema that allows no further properties. */
  readonly argumentsSchema: JsonSchema;
  readonly outputSchema?: JsonSchema;
  /** Milliseconds; 30,000 by default. */
  readonly timeoutMs?: number;
  /** Its results are written by others: the session is tainted before the caller receives one. */
  readonly untrusted?: boolean;
  /** Part of this program, whose tests check its schemas: they are compiled when it is first called. */
  readonly isBuiltIn?: boolean;
  /** Groups that may call it; every group when absent. */
  readonly allowedGroups?: readonly string[];
}

/** A call that has passed the broker. */
export interface ToolCall {
  readonly tool: Tool;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly principal: Principal;
  /** Unique among the calls of one connection of one jail. */
  readonly correlation: string;
  /** Aborted when the caller cancels or leaves, or the timeout elapses. */
  readonly signal: AbortSignal;
  /** Reports progress to the caller. */
  readonly onProgress?: (progress: ToolProgress) => void;
  /** Untrusted content has entered the session. */
  readonly tainted?: boolean;
}

/** Progress of a call. */
export interface ToolProgress {
  readonly progress: number;
  readonly total?: number;
  readonly message?: string;
}

/** Outcome of a handler. Anything thrown instead is reported as a generic error with an id. */
export type ToolOutcome =
  | {
      readonly ok: true;
      readonly result: unknown;
      /** This result contains untrusted content: the session is tainted before the caller receives it. */
      readonly untrusted?: boolean;
    }
  | { readonly ok: false; readonly error: ToolError };

/** A plugin's own, typed error: its text is shown to the agent (sanitised). */
export interface ToolError {
  /** Not one of the broker's codes. */
  readonly code: string;
  readonly message: string;
  readonly retriable?: boolean;
  /** The invalid argument. */
  readonly field?: string;
  /** Whole seconds. */
  readonly retry_after?: number;
}

/** A source of tools that answers their calls: the plugin host, or the gate itself. */
export interface ToolSource {
  readonly name: string;
  tools(): readonly Tool[];
  invoke(call: ToolCall): Promise<ToolOutcome>;
  /** Calls the listener when `tools()` has changed; returns a function that removes it. */
  onChange(listener: () => void): () => void;
}
