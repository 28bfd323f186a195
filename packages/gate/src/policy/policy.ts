/** The policy of tool calls: rules, evaluation, proposals, dry runs. */
import type { Principal, Tool } from "../broker/tool.ts";

/** What becomes of a call: "ask" lets a person decide. */
export type PolicyAction = "allow" | "ask" | "deny";

/** What is decided about: a tool call before it is routed. */
export interface PolicyQuestion {
  readonly tool: Tool;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly principal: Principal;
  /** Content from outside has entered the session: risk is higher. */
  readonly tainted: boolean;
}

/** What was decided, and by what. */
export interface PolicyDecision {
  readonly action: PolicyAction;
  /** Which rule decided: its id, or "default: high risk" and the like. For the audit and for people. */
  readonly rule: string;
  /** Why, in plain words. */
  readonly reason: string;
}

/** Decides about tool calls by the rules of a file. */
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
