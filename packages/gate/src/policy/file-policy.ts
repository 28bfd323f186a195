import { createHash } from "node:crypto";
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { HoldfastError, isHoldfastError } from "@holdfast/core";
import { writePrivateFile } from "../vault/private-file.ts";
import { toWriteError } from "../vault/write-errors.ts";
import { withAcceptedRules, withRule } from "./add-rule.ts";
import { decideBy, type Evaluation, evaluate, type PartialQuestion } from "./evaluate.ts";
import { parsePolicy } from "./parse-policy.ts";
import type { Policy, PolicyDecision, PolicyQuestion, PolicyStatus } from "./policy.ts";
import { type PolicyRule, policyLimits } from "./rule.ts";

/** A change of the policy file, for the log and the audit. */
export type PolicyFileEvent =
  | { readonly type: "policy.loaded"; readonly rules: number; readonly digest: string }
  | { readonly type: "policy.rejected"; readonly problem: string; readonly path?: string };

/**
 * The rules of a policy file. Checks before each decision whether the file has changed, so that
 * a rule that was written before a call applies to it. A file that is invalid or missing
 * leaves the previous rules in force, and this is reported.
 */
export class FilePolicy implements Policy {
  readonly #path: string;
  readonly #tell: (event: PolicyFileEvent) => void;
  #seen: string | undefined;
  #digest: string | undefined;
  /** The rules of the file. */
  #rules: readonly PolicyRule[] = [];
  /** Proposed rules that a person accepted at any node. */
  #added: readonly PolicyRule[] = [];
  /** The rules in force: those of the file, with the added ones. */
  #inForce: readonly PolicyRule[] = [];
  #problem: string | undefined;
  #adding: Promise<unknown> = Promise.resolve();

  private constructor(path: string, tell: (event: PolicyFileEvent) => void) {
    this.#path = path;
    this.#tell = tell;
  }

  /** Throws `policy.invalid_file` when there is a file that cannot be used. */
  static open(path: string, tell: (event: PolicyFileEvent) => void): FilePolicy {
    const policy = new FilePolicy(path, tell);
    const stats = statOf(path);
    if (stats !== undefined) policy.#load(stats);
    return policy;
  }

  decide(question: PolicyQuestion): PolicyDecision {
    this.#refresh();
    return decideBy(this.#inForce, question);
  }

  explain(question: PartialQuestion): Evaluation {
    this.#refresh();
    return evaluate(this.#inForce, question);
  }

  /** Whether `add` would accept the rule. */
  takes(rule: PolicyRule): boolean {
    this.#refresh();
    try {
      return this.#problem === undefined && withRule(this.#inForce, rule).length <= policyLimits.maxRules;
    } catch {
      return false;
    }
  }

  /**
   * Checks that the rules in force admit a proposed one. Throws `policy.rule_conflict`, and `policy.invalid_file` where
   * there would be too many.
   */
  check(rule: PolicyRule): void {
    this.#refresh();
    const { maxRules } = policyLimits;
    if (withRule(this.#inForce, rule).length > maxRules)
      throw new HoldfastError("policy", "invalid_file", `A policy has at most ${maxRules} rules`, {
        statusCode: 400,
      });
  }

  /** Replaces the added rules of all nodes. One that a rule of this node's file would contradict is left out. */
  setAdded(rules: readonly PolicyRule[]): void {
    this.#added = rules;
    this.#combine();
  }

  #combine(): void {
    this.#inForce = withAcceptedRules(this.#rules, this.#added);
  }

  /**
   * Writes a proposed rule into the file; it is in force for the next call. Throws `policy.rule_conflict`,
   * `policy.invalid_file` where the file cannot be used as it is, or would be too large, `policy.unavailable` where it
   * cannot be written.
   */
  add(rule: PolicyRule): Promise<void> {
    // Serialized: each addition reads and rewrites the whole file, and two at once would lose one.
    const added = this.#adding.then(() => this.#change((rules) => withRule(rules, rule)));
    this.#adding = added.catch(() => {});
    return added;
  }

  /** Takes a rule out of the file. Throws as `add`. */
  remove(id: string): Promise<void> {
    const removed = this.#adding.then(() => this.#change((rules) => rules.filter((rule) => rule.id !== id)));
    this.#adding = removed.catch(() => {});
    return removed;
  }

  /** The rules of the file that are in force, or were before it became invalid. */
  rulesOfFile(): readonly PolicyRule[] {
    this.#refresh();
    return this.#rules;
  }

  isInForce(id: string): boolean {
    this.#refresh();
    return this.#inForce.some((rule) => rule.id === id);
  }

  async #change(change: (rules: readonly PolicyRule[]) => readonly PolicyRule[]): Promise<void> {
    const isThere = statOf(this.#path) !== undefined;
    const rules = change(isThere ? parsePolicy(read(this.#path)).rules : []);
    const text = `${JSON.stringify({ version: 1, rules }, null, 2)}\n`;
    parsePolicy(Buffer.from(text));
    // Writes through a link: replacing it would detach the file that its owner edits.
    const path = isThere ? await realpath(this.#path) : this.#path;
    await writePrivateFile(path, text).catch((error: unknown) => {
      throw toWriteError(error, "policy", "The policy");
    });
    this.#refresh();
  }

  status(): PolicyStatus {
    this.#refresh();
    return {
      source: this.#digest === undefined ? "default" : "file",
      path: this.#path,
      rules: this.#inForce.length,
      ...(this.#digest === undefined ? {} : { digest: this.#digest }),
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
    };
  }

  #refresh(): void {
    const stats = statOf(this.#path);
    if (stats === undefined) {
      this.#seen = undefined;
      // A file that never existed is not missing.
      if (this.#digest !== undefined) this.#reject("the file was removed; its last rules stay in force");
      return;
    }
    if (signatureOf(stats) === this.#seen) return;
    try {
      this.#load(stats);
    } catch (error) {
      const path = isHoldfastError(error) ? Reflect.get(Object(error.metadata), "path") : undefined;
      this.#reject(error instanceof Error ? error.message : String(error), path);
    }
  }

  #load(stats: BigIntStats): void {
    // A change within one tick of the file system's clock would go unnoticed.
    const settled = Date.now() - Number(stats.ctimeMs) > 100;
    this.#seen = settled ? signatureOf(stats) : undefined;
    const bytes = read(this.#path);
    const digest = createHash("sha256").update(bytes).digest("hex");
    if (digest === this.#digest && this.#problem === undefined) return;
    const { rules } = parsePolicy(bytes);
    this.#rules = rules;
    this.#combine();
    this.#digest = digest;
    this.#problem = undefined;
    this.#tell({ type: "policy.loaded", rules: rules.length, digest });
  }

  /** Reports a problem once, until it changes. */
  #reject(problem: string, path?: unknown): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#tell({ type: "policy.rejected", problem, ...(typeof path === "string" ? { path } : {}) });
  }
}

/** Undefined when there is no file. */
function statOf(path: string): BigIntStats | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false });
}

function signatureOf({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${ino}.${size}.${mtimeNs}.${ctimeNs}`;
}

/** Reads at most the size limit, however large the file is. */
function read(path: string): Buffer {
  // Non-blocking: a FIFO in place of the file would block the whole gate.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(descriptor).isFile()) {
      throw new HoldfastError("policy", "invalid_file", `${path} is not a regular file`, { statusCode: 400 });
    }
    const bytes = Buffer.alloc(policyLimits.maxFileBytes + 1);
    let length = 0;
    for (;;) {
      const got = readSync(descriptor, bytes, length, bytes.length - length, null);
      length += got;
      if (got === 0 || length === bytes.length) return bytes.subarray(0, length);
    }
  } finally {
    closeSync(descriptor);
  }
}
