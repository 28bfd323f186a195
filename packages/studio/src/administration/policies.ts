import { createHash, randomBytes } from "node:crypto";
import { readFile, realpath, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import {
  dryRunPolicy,
  type Evaluation,
  evaluatePolicy,
  type Gate,
  openAudit,
  parsePolicy,
  policyFile,
} from "@holdfast/gate";
import type {
  AcceptedRuleView,
  PolicyAnswer,
  PolicyDryRun,
  PolicyQuestionInput,
  PolicyView,
} from "../contract/administration.ts";
import { acceptedRuleView } from "./accepted-rules.ts";

const maxChanges = 100;
const emptyPolicy = '{\n  "version": 1,\n  "rules": []\n}\n';

/** The policy of tool calls: its file, and what it would decide. */
export class Policies {
  readonly #gate: Gate;
  readonly #dataDirectory: string;

  constructor(gate: Gate, dataDirectory: string) {
    this.#gate = gate;
    this.#dataDirectory = dataDirectory;
  }

  async view(): Promise<PolicyView> {
    const { policy } = await this.#gate.status();
    const { source, path, rules, problem } = policy;
    return {
      ...{ source, rules, text: (await this.#read()) ?? emptyPolicy },
      ...(path === undefined ? {} : { path }),
      ...(problem === undefined ? {} : { problem }),
      tools: this.#gate.tools
        .list()
        .map(({ name, plugin, riskLevel }) => ({ name, plugin, risk: riskLevel }))
        .sort((a, b) => a.name.localeCompare(b.name)),
    };
  }

  explain({ text, ...question }: PolicyQuestionInput): PolicyAnswer {
    if (text === undefined) return answerOf(this.#gate.explainPolicy(question));
    const tool = this.#gate.tools.list().find(({ name }) => name === question.tool);
    if (tool === undefined) {
      const message = `No tool is named ${JSON.stringify(question.tool)}`;
      throw new HoldfastError("policy", "unknown_tool", message, { statusCode: 404 });
    }
    const { group = "default", user, agent, arguments: args = {}, tainted = false } = question;
    const { rules } = parsePolicy(Buffer.from(text));
    return answerOf(
      evaluatePolicy(rules, {
        ...{ tool, arguments: args, tainted },
        principal: {
          group,
          ...(user === undefined ? {} : { user }),
          ...(agent === undefined ? {} : { agent }),
        },
      }),
    );
  }

  async dryRun(text: string): Promise<PolicyDryRun> {
    const { rules } = parsePolicy(Buffer.from(text));
    const reader = await openAudit(this.#dataDirectory);
    const counts = { same: 0, changed: 0, depends: 0 };
    const changes: PolicyDryRun["changes"][number][] = [];
    for await (const row of dryRunPolicy(reader.records({ type: "tool.*" }), rules)) {
      counts[row.outcome] += 1;
      if (row.outcome !== "changed") continue;
      const { seq, at, tool, session, before, after } = row;
      const words = (each: typeof before) => `${each.action} (${each.rule})`;
      changes.push({ seq, at, tool, session, before: words(before), after: words(after) });
      if (changes.length > maxChanges) changes.shift();
    }
    return { ...counts, changes: changes.reverse() };
  }

  /** `before` is the text that was changed: somebody else may have changed the file meanwhile. */
  async save(text: string, before: string, by: string): Promise<void> {
    parsePolicy(Buffer.from(text));
    if (((await this.#read()) ?? emptyPolicy) !== before) {
      const message =
        "Somebody else has changed the policy file meanwhile. Load it again, and repeat your change.";
      throw new HoldfastError("policy", "changed", message, { statusCode: 409 });
    }
    const digest = createHash("sha256").update(text).digest("hex");
    await this.#gate.audit.append({ type: "policy.saved", data: { digest, by } });
    const named = join(this.#dataDirectory, policyFile);
    // Written through a link: replacing it would detach the file that its owner edits.
    const path = await realpath(named).catch(() => named);
    const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
    await writeFile(temporary, text, { mode: 0o600, flush: true });
    await rename(temporary, path);
  }

  async accepted(): Promise<readonly AcceptedRuleView[]> {
    return (await this.#gate.acceptedRules()).map(acceptedRuleView);
  }

  async removeAccepted(id: string, by: string): Promise<void> {
    if (await this.#gate.removePolicyRule(id, by)) return;
    const message = "Nobody has accepted such a rule, or it was removed already";
    throw new HoldfastError("policy", "unknown_rule", message, { statusCode: 404 });
  }

  async #read(): Promise<string | undefined> {
    try {
      return await readFile(join(this.#dataDirectory, policyFile), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }
}

const nouns = {
  tool: "the tool",
  subject: "the caller",
  tainted: "the state of the session",
  arguments: "the arguments",
} as const;

function answerOf({ action, rule, reason, steps }: Evaluation): PolicyAnswer {
  return {
    ...{ action, rule, reason },
    steps: steps.map(({ matched, because, ...step }) => ({
      ...{ rule: step.rule, action: step.action },
      outcome: matched === true ? "decides" : matched === false ? "does not match" : "depends",
      ...(because === undefined ? {} : { because: nouns[because] }),
    })),
  };
}
