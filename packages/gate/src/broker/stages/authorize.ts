import { decisionAuditData } from "../../policy/audit-data.ts";
import { matchesGlob } from "../../policy/glob.ts";
import type { Policy, PolicyDecision } from "../../policy/policy.ts";
import type { Rates } from "../rates/rates.ts";
import { Refusal, rateLimited } from "../refusal.ts";
import { type Taint, taintKey } from "../taint.ts";
import type { AddressedCall, AuthorizedCall } from "./stage.ts";

export interface AuthorizeParts {
  readonly policy: Policy;
  readonly rates: Rates;
  readonly taint: Taint;
}

/**
 * Stage 4: checks that the jail may use the tool, that the policy does not deny the call, and that the rates allow it.
 */
export class AuthorizeStage {
  readonly name = "authorize";
  readonly #parts: AuthorizeParts;

  constructor(parts: AuthorizeParts) {
    this.#parts = parts;
  }

  /** `offered`: the tools that the jail was opened with; every tool when undefined. */
  async run(call: AddressedCall, offered: ToolNames | undefined): Promise<AuthorizedCall> {
    const { entry, principal } = call;
    const { tool } = entry;
    if (!isOffered(tool, principal.group, offered)) {
      throw new Refusal("UNAUTHORIZED", "This session may not call this tool");
    }
    // A denied call is not charged.
    const { decision, auditData } = decideCall(this.#parts, call);
    const limited = await this.#parts.rates.take(principal, tool.name, call.bytes);
    if (limited !== undefined) {
      const much = limited.unit === "money" ? "The calls cost too much" : "Too many calls";
      throw rateLimited(`${much}: the limit of the ${limited.scope} is reached`, limited);
    }
    const ask = decision.action === "allow" ? undefined : decision;
    return { ...call, rule: decision.rule, ask, auditData };
  }
}

/** Asks the policy about a call. Throws if it denies the call. */
export function decideCall(
  { policy, taint }: Pick<AuthorizeParts, "policy" | "taint">,
  { entry: { tool }, principal, envelope }: AddressedCall,
): { readonly decision: PolicyDecision; readonly auditData: AuthorizedCall["auditData"] } {
  const tainted = taint.has(taintKey(principal));
  const decision = policy.decide({ tool, arguments: envelope.payload.arguments, principal, tainted });
  const auditData = decisionAuditData(tool, principal, tainted, decision);
  switch (decision.action) {
    case "allow":
    case "ask":
      return { decision, auditData };
    case "deny":
      throw new Refusal("UNAUTHORIZED", `The policy denies this call: ${decision.reason}`, { auditData });
  }
}

/** Set of tool names and name patterns. */
export class ToolNames {
  readonly #names: ReadonlySet<string>;
  readonly #patterns: readonly string[];

  constructor(names: readonly string[]) {
    this.#names = new Set(names);
    this.#patterns = names.filter((each) => /[*?]/.test(each));
  }

  has(name: string): boolean {
    return this.#names.has(name) || this.#patterns.some((each) => matchesGlob(each, name));
  }
}

/** Whether a jail of `group` may see and call `tool`. */
export function isOffered(
  tool: { readonly name: string; readonly allowedGroups?: readonly string[] },
  group: string,
  offered: ToolNames | undefined,
): boolean {
  return (
    (offered === undefined || offered.has(tool.name)) &&
    (tool.allowedGroups === undefined || tool.allowedGroups.includes(group))
  );
}
