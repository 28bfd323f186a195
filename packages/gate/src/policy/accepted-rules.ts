/** Rules that people accepted with an approval ("Always allow"): who and when, and their removal. */
import { HoldfastError } from "@holdfast/core";
import type { Audit, AuditRecord } from "../audit/audit.ts";
import type { GateNodes } from "../nodes/shared-gate.ts";
import { FilePolicy } from "./file-policy.ts";
import type { Policy } from "./policy.ts";
import type { PolicyRule } from "./rule.ts";

/** Who accepts a rule, and where they were asked. */
export interface RuleAcceptance {
  /** Id of the person, or what else accepted it. */
  readonly by: string;
  readonly name?: string;
  readonly task?: string;
  readonly session?: string;
}

/** A rule that was accepted. What is not known of it any more is absent. */
export interface AcceptedRule {
  readonly rule: PolicyRule;
  /** False if a rule of the policy file contradicts it, or if that file cannot be used. */
  readonly isInForce: boolean;
  readonly acceptance?: RuleAcceptance & { readonly at: number };
}

/** What the rules of several nodes need besides the file of each. */
interface Nodes extends Pick<GateNodes, "policyRules" | "removePolicyRule" | "queryAudit"> {
  addRule(rule: PolicyRule): Promise<void>;
}

/** Accepted rules are in the policy file of one machine, or in the store that several nodes share. */
export class AcceptedRules {
  readonly #policy: Policy;
  readonly #audit: Audit;
  readonly #nodes: Nodes | undefined;

  constructor(policy: Policy, audit: Audit, nodes: Nodes | undefined) {
    this.#policy = policy;
    this.#audit = audit;
    this.#nodes = nodes;
  }

  /** The last accepted one first; those whose acceptance is not known at the end. */
  async list(): Promise<readonly AcceptedRule[]> {
    const policy = this.#policy;
    const ofFile = policy instanceof FilePolicy ? policy.rulesOfFile() : [];
    const shared = (await this.#nodes?.policyRules()) ?? [];
    if (ofFile.length + shared.length === 0) return [];
    const known = await this.#acceptances();
    // Whoever edits the file may have made a rule a refusal: to take that away would give a permission.
    const own = ofFile.filter(({ id, action }) => action === "allow" && (known.has(id) || isProposed(id)));
    return [...own, ...shared]
      .map((rule): AcceptedRule => {
        const acceptance = known.get(rule.id);
        const isInForce = policy instanceof FilePolicy && policy.isInForce(rule.id);
        return { rule, isInForce, ...(acceptance === undefined ? {} : { acceptance }) };
      })
      .sort((a, b) => (b.acceptance?.at ?? 0) - (a.acceptance?.at ?? 0));
  }

  async #acceptances(): Promise<ReadonlyMap<string, NonNullable<AcceptedRule["acceptance"]>>> {
    const query = { type: "policy.rule_added", newest: true, limit: maxAcceptances };
    const records = await (this.#nodes?.queryAudit(query) ?? this.#audit.query(query));
    // The last one counts: a rule may have been removed, and accepted again.
    return new Map(records.map((record) => [String(record.data?.["rule"]), acceptanceOf(record)]));
  }

  /** Throws `policy.rule_conflict`, `policy.invalid_file`, `policy.no_file`, `policy.unavailable`. */
  async add(rule: PolicyRule, { session, ...acceptance }: RuleAcceptance): Promise<void> {
    const policy = this.#filePolicy();
    const entry = {
      ...(session === undefined ? {} : { session }),
      data: { rule: rule.id, tools: rule.tools, ...acceptance },
    };
    await this.#audit.append({ type: "policy.rule_added", ...entry });
    try {
      if (this.#nodes === undefined) await policy.add(rule);
      else {
        policy.check(rule);
        await this.#nodes.addRule(rule);
      }
    } catch (error) {
      // The earlier record only says that the rule was about to be added.
      await this.#audit.note({ type: "policy.rule_refused", ...entry });
      throw error;
    }
  }

  /** Returns whether there was one. Throws `policy.no_file`, `policy.invalid_file`, `policy.unavailable`. */
  async remove(id: string, by: string): Promise<boolean> {
    const found = (await this.list()).find(({ rule }) => rule.id === id);
    if (found === undefined) return false;
    const policy = this.#filePolicy();
    const isOfFile = policy.rulesOfFile().some((rule) => rule.id === id);
    if (!isOfFile) return (await this.#nodes?.removePolicyRule(id, by)) ?? false;
    await this.#audit.append({ type: "policy.rule_removed", data: { rule: id, by } });
    await policy.remove(id);
    return true;
  }

  #filePolicy(): FilePolicy {
    if (this.#policy instanceof FilePolicy) return this.#policy;
    const message = "The program set the policy, so there is no policy file to change";
    throw new HoldfastError("policy", "no_file", message, { statusCode: 409 });
  }
}

/** More than rules can be there. */
const maxAcceptances = 10_000;

/** The id of a proposed rule. A person who writes rules by hand would not choose such a one. */
function isProposed(id: string): boolean {
  return /^allow-.+-[0-9a-f]{12}$/.test(id);
}

function acceptanceOf({ at, session, data = {} }: AuditRecord) {
  const text = (name: string) => {
    const value = data[name];
    return typeof value === "string" ? { [name]: value } : {};
  };
  return {
    ...{ at, by: String(data["by"]), ...text("name"), ...text("task") },
    ...(session === undefined ? {} : { session }),
  };
}
