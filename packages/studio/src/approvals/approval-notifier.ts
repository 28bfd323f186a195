import { createHmac } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "@holdfast/core";
import type { Approval, Gate } from "@holdfast/gate";
import { studioLimits } from "../limits.ts";
import { isGateQuestionOpen } from "../work/gate-questions.ts";
import type { ApprovalHook } from "./approval-hooks.ts";

export interface ApprovalNotifierOptions {
  readonly gate: Gate;
  readonly hooks: readonly ApprovalHook[];
  readonly log: Logger;
}

/**
 * Tells the hooks of each question of the gate as it is asked, and after a start of those that wait: at
 * least once, with the same id each time. One that nobody can be told of waits in the Studio all the same.
 */
export class ApprovalNotifier {
  readonly #options: ApprovalNotifierOptions;
  readonly #ending = new AbortController();
  readonly #stop: () => void;
  /** What is on its way to each hook: one question after the other. */
  readonly #sending = new Map<string, Promise<void>>();

  constructor(options: ApprovalNotifierOptions) {
    this.#options = options;
    const { approvals } = options.gate;
    this.#stop = approvals.onAsked((approval) => this.#tell(approval));
    for (const approval of approvals.list({ state: "pending" })) this.#tell(approval);
  }

  /** Sends no more; what is on its way is given up. */
  async close(): Promise<void> {
    this.#stop();
    this.#ending.abort();
    await Promise.all(this.#sending.values());
  }

  #tell(approval: Approval): void {
    for (const hook of this.#options.hooks) {
      if (hook.url === undefined) continue;
      const before = this.#sending.get(hook.name) ?? Promise.resolve();
      this.#sending.set(
        hook.name,
        before.then(() => this.#deliver(hook, hook.url ?? "", approval)),
      );
    }
  }

  async #deliver(hook: ApprovalHook, url: string, approval: Approval): Promise<void> {
    const { log, gate } = this.#options;
    let problem: unknown;
    for (let attempt = 0; attempt < studioLimits.approvalHookAttempts; attempt++) {
      try {
        const pauseMs = attempt === 0 ? 0 : studioLimits.approvalHookPauseMs * 4 ** (attempt - 1);
        await delay(pauseMs, undefined, { signal: this.#ending.signal, ref: false });
        if (!isGateQuestionOpen(gate, approval.id)) return;
        const status = await this.#post(hook, url, approval);
        if (status >= 200 && status < 300) return;
        problem = `it answered ${status}`;
      } catch (error) {
        if (this.#ending.signal.aborted) return;
        problem = error;
      }
    }
    log.warn("a webhook was not told of an approval", { hook: hook.name, approval: approval.id, problem });
  }

  async #post(hook: ApprovalHook, url: string, approval: Approval): Promise<number> {
    const secret = await this.#options.gate.vault.readSecret({ name: hook.secret, owner: {} });
    if (secret === undefined) throw new Error(`There is no secret ${hook.secret}`);
    const body = JSON.stringify(questionOf(approval));
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "webhook-id": approval.id,
        "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
      },
      body,
      // Nobody but whom the operator named is told.
      redirect: "manual",
      signal: AbortSignal.any([this.#ending.signal, AbortSignal.timeout(studioLimits.approvalHookTimeoutMs)]),
    });
    await response.body?.cancel();
    return response.status;
  }
}

/** What a hook is told: the card, as text for people. */
function questionOf(approval: Approval) {
  const { id, session, tool, title, detail, truncated, origin, createdAt, expiresAt } = approval;
  return {
    version: 1,
    ...{ approval: id, session, tool, title, detail, truncated },
    ...(origin === undefined ? {} : { origin }),
    ...{ createdAt, expiresAt },
  };
}
