/** Policy of tool calls: rules, evaluation, proposals, dry runs. */
import type { Principal, Tool } from "../broker/tool.ts";

/** Outcome of a policy decision: "ask" lets a person decide. */
export type PolicyAction = "allow" | "ask" | "deny";

/** Input of a policy decision: a tool call before it is routed. */
export interface PolicyQuestion {
  readonly tool: Tool;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly principal: Principal;
  /** Untrusted content has entered the session, which raises the risk. */
  readonly tainted: boolean;
}

/** A policy decision and the rule behind it. */
export interface PolicyDecision {
  readonly action: PolicyAction;
  /** Id of the rule that decided, or for example "default: high risk". */
  readonly rule: string;
  /** Why, in plain words. */
  readonly reason: string;
}

/** Decides about tool calls with the rules of a file. */
export interface Policy {
  decide(question: PolicyQuestion): PolicyDecision;
}

/** Which rules are in force. */
export interface PolicyStatus {
  /** "config": an option of `createGate`; "default": there is no file. */
  readonly source: "file" | "default" | "config";
  /** Path of the file, whether or not it exists. */
  readonly path?: string;
  readonly rules: number;
  /** SHA-256 of the file that is in force, hex. */
  readonly digest?: string;
  /** Why the current file is not in force. The previous rules are. */
  readonly problem?: string;
}

/** A hypothetical call, for trying a policy. */
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
