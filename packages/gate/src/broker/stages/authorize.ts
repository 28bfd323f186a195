import type { Policy, PolicyDecision } from "../../policy/policy.ts";
import type { RateLimiter } from "../rate-limiter.ts";
import { Refusal } from "../refusal.ts";
import type { Taint } from "../taint.ts";
import type { AddressedCall, AuthorizedCall } from "./stage.ts";

export interface AuthorizeParts {
  readonly policy: Policy;
  readonly rates: RateLimiter;
  readonly taint: Taint;
}

/** Stage 4: the tool is for this jail, the policy does not forbid the call, and the rates allow it. */
export class AuthorizeStage {
  readonly name = "authorize";
  readonly #parts: AuthorizeParts;

  constructor(parts: AuthorizeParts) {
    this.#parts = parts;
  }

  /** `offered`: the names of the tools that the jail was opened with; every tool when undefined. */
  run(call: AddressedCall, offered: ReadonlySet<string> | undefined): AuthorizedCall {
    const { entry, principal, envelope } = call;
    const { tool } = entry;
    if (!isOffered(tool, principal.group, offered)) {
      throw new Refusal("UNAUTHORIZED", "This session may not call this tool");
    }
    const decision = this.#parts.policy.decide({
      tool,
      arguments: envelope.payload.arguments,
      principal,
      tainted: this.#parts.taint.has(principal.session),
    });
    // A call that is forbidden uses up nothing.
    const ask = asks(decision);
    const limited = this.#parts.rates.take(principal, tool.name, call.bytes);
    if (limited !== undefined) {
      throw new Refusal("RATE_LIMITED", `Too many calls: the limit of the ${limited.scope} is reached`, {
        retryAfterMs: limited.retryAfterMs,
      });
    }
    return { ...call, rule: decision.rule, ask: ask ? decision : undefined };
  }
}

/** Whether a person is to be asked; throws where the call is forbidden. */
function asks(decision: PolicyDecision): boolean {
  switch (decision.action) {
    case "allow":
      return false;
    case "ask":
      return true;
    case "deny":
      throw new Refusal("UNAUTHORIZED", `The policy forbids this call: ${decision.reason}`);
  }
}

/** Whether a jail of `group` may see and call `tool`. */
export function isOffered(
  tool: { readonly name: string; readonly allowedGroups?: readonly string[] },
  group: string,
  offered: ReadonlySet<string> | undefined,
): boolean {
  return (
    (offered === undefined || offered.has(tool.name)) &&
    (tool.allowedGroups === undefined || tool.allowedGroups.includes(group))
  );
}
