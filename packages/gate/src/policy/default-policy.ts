import { corePlugin } from "../broker/catalog.ts";
import type { Policy, PolicyDecision, PolicyQuestion } from "./policy.ts";

/** In force where there is no other: low risk passes, high risk asks, and taint makes low risk high. */
export class DefaultPolicy implements Policy {
  decide({ tool, tainted }: PolicyQuestion): PolicyDecision {
    if (tool.riskLevel === "high") {
      return { action: "ask", rule: "default: high risk", reason: "the tool is of high risk" };
    }
    if (tainted && tool.plugin !== corePlugin) {
      return {
        action: "ask",
        rule: "default: tainted",
        reason: "content from outside has entered the session",
      };
    }
    return { action: "allow", rule: "default: low risk", reason: "the tool is of low risk" };
  }
}
