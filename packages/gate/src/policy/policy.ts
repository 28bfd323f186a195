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
