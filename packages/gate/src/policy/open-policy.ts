import { join } from "node:path";
import { HoldfastError, type Logger } from "@holdfast/core";
import type { Audit } from "../audit/audit.ts";
import type { ToolCatalog } from "../broker/catalog.ts";
import type { Evaluation } from "./evaluate.ts";
import { FilePolicy } from "./file-policy.ts";
import type { Policy, PolicyExplainQuestion, PolicyStatus } from "./policy.ts";
import { policyFile } from "./rule.ts";

/** The policy of `<dataDir>/policy.json`. Throws `policy.invalid_file`. */
export function openPolicy(dataDir: string, { audit, log }: { audit: Audit; log: Logger }): Policy {
  return FilePolicy.open(join(dataDir, policyFile), ({ type, ...data }) => {
    if (type === "policy.rejected")
      log.error("the changed policy file is invalid; the previous rules stay in force", data);
    else log.info("the policy file is in force", data);
    void audit.note({ type, data });
  });
}

export function policyStatus(policy: Policy): PolicyStatus {
  return policy instanceof FilePolicy ? policy.status() : { source: "config", rules: 0 };
}

/** Evaluates a hypothetical call with the code that decides real ones. Throws `policy.unknown_tool`. */
export function explainPolicy(
  policy: Policy,
  catalog: ToolCatalog,
  question: PolicyExplainQuestion,
): Evaluation {
  const { tool: name, arguments: args = {}, tainted = false, ...subjects } = question;
  const tool = catalog.list().find((each) => each.name === name);
  if (tool === undefined) {
    throw new HoldfastError("policy", "unknown_tool", `No tool is named ${JSON.stringify(name)}`, {
      statusCode: 404,
    });
  }
  const principal = { jailId: "", session: "", group: "default", ...subjects };
  if (policy instanceof FilePolicy) return policy.explain({ tool, arguments: args, principal, tainted });
  const decision = policy.decide({ tool, arguments: args, principal, tainted });
  const step = { rule: decision.rule, action: decision.action, matched: true } as const;
  return { ...decision, steps: [step], possible: [decision.action] };
}
