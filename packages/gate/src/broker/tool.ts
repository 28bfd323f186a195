/** Who calls: what the host knows of a jail's endpoint. Nothing in it comes from inside the jail. */
export interface Principal {
  readonly jailId: string;
  readonly session: string;
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
  /** Part of what an approval is bound to. */
  readonly pluginVersion: string;
  readonly riskLevel: "low" | "high";
  /** An object schema that allows no further properties. */
  readonly argumentsSchema: JsonSchema;
  readonly outputSchema?: JsonSchema;
  /** Milliseconds; 30,000 by default. */
  readonly timeoutMs?: number;
  /** What it gives was written by others: its session is tainted before the caller sees any of it. */
  readonly untrusted?: boolean;
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
  /** Aborted when the caller cancels, goes, or the time is over. */
  readonly signal: AbortSignal;
  /** Tells the caller how far it is. */
  readonly onProgress?: (progress: ToolProgress) => void;
  /** Untrusted content has entered the session. */
  readonly tainted?: boolean;
}

/** How far a call is. */
export interface ToolProgress {
  readonly progress: number;
  readonly total?: number;
  readonly message?: string;
}

/** What a handler gave. Anything thrown instead is reported as a generic error with an id. */
export type ToolOutcome =
  | {
      readonly ok: true;
      readonly result: unknown;
      /** This result holds untrusted content: its session is tainted before the caller sees it. */
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

/** What answers calls: the plugin host, or tools of the gate itself. */
export interface ToolSource {
  readonly name: string;
  tools(): readonly Tool[];
  invoke(call: ToolCall): Promise<ToolOutcome>;
  /** Called when `tools()` has changed; returns how to stop. */
  onChange(listener: () => void): () => void;
}
