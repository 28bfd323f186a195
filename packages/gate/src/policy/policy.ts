import type { Principal, Tool } from "../broker/tool.ts";

export type PolicyAction = "allow" | "ask" | "deny";

/** What is decided about: a tool call before it is routed. */
export interface PolicyQuestion {
  readonly tool: Tool;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly principal: Principal;
  /** Content from outside has entered the session: risk is higher. */
  readonly tainted: boolean;
}

export interface PolicyDecision {
  readonly action: PolicyAction;
  /** Which rule decided: its id, or "default: high risk" and the like. For the audit and for people. */
  readonly rule: string;
  /** Why, in plain words. */
  readonly reason: string;
}

export interface Policy {
  decide(question: PolicyQuestion): PolicyDecision;
}

/** Which rules are in force. */
export interface PolicyStatus {
  /** "config": what `createGate` was given; "default": there is no file. */
  readonly source: "file" | "default" | "config";
  /** Where the file is, or would be. */
  readonly path?: string;
  readonly rules: number;
  /** SHA-256 of the file that is in force, hex. */
  readonly digest?: string;
  /** Why the file as it is now is not in force; the rules before it are. */
  readonly problem?: string;
}

/** A call that somebody asks about, beforehand. */
export interface PolicyExplainQuestion {
  /** Name of a tool of the catalog. */
  readonly tool: string;
  /** None by default. */
  readonly arguments?: Readonly<Record<string, unknown>>;
  readonly group?: string;
  readonly session?: string;
  readonly organization?: string;
  readonly user?: string;
  readonly agent?: string;
  readonly tainted?: boolean;
}
