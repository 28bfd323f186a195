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
 * Sends each question of the gate to the hooks, and the pending ones again after a start, or on nodes when a task goes on
 * elsewhere. Delivery is at least once, always with the question's id. If it fails, the question still waits in the Studio.
 */
export class ApprovalNotifier {
  readonly #options: ApprovalNotifierOptions;
  readonly #abort = new AbortController();
  readonly #stop: () => void;
  /** Tail of each hook's queue. Questions are sent one after the other. */
  readonly #queueTails = new Map<string, Promise<void>>();

  constructor(options: ApprovalNotifierOptions) {
    this.#options = options;
    const { approvals } = options.gate;
    this.#stop = approvals.onAsked((approval) => this.#enqueue(approval));
    // On nodes, the one that a task goes on at takes over its questions.
    if (options.gate.nodes === undefined) void this.#sendPending();
  }

  async #sendPending(): Promise<void> {
    const { gate, log } = this.#options;
    try {
      for (const approval of await gate.approvals.list({ state: "pending" })) this.#enqueue(approval);
    } catch (error) {
      log.warn("could not send the pending questions to the approval webhooks", { error });
    }
  }

  /** Stops sending, and aborts deliveries in progress. */
  async close(): Promise<void> {
    this.#stop();
    this.#abort.abort();
    await Promise.all(this.#queueTails.values());
  }

  #enqueue(approval: Approval): void {
    for (const hook of this.#options.hooks) {
      if (hook.url === undefined) continue;
      const tail = this.#queueTails.get(hook.name) ?? Promise.resolve();
      this.#queueTails.set(
        hook.name,
        tail.then(() => this.#deliver(hook, hook.url ?? "", approval)),
      );
    }
  }

  async #deliver(hook: ApprovalHook, url: string, approval: Approval): Promise<void> {
    const { log, gate } = this.#options;
    let problem: unknown;
    for (let attempt = 0; attempt < studioLimits.approvalHookAttempts; attempt++) {
      try {
        const pauseMs = attempt === 0 ? 0 : studioLimits.approvalHookPauseMs * 4 ** (attempt - 1);
        await delay(pauseMs, undefined, { signal: this.#abort.signal, ref: false });
        if (!(await isGateQuestionOpen(gate, approval.id))) return;
        const status = await this.#post(hook, url, approval);
        if (status >= 200 && status < 300) return;
        problem = `the webhook responded with status ${status}`;
      } catch (error) {
        if (this.#abort.signal.aborted) return;
        problem = error;
      }
    }
    log.warn("could not deliver a question to an approval webhook", {
      hook: hook.name,
      approval: approval.id,
      problem,
    });
  }

  async #post(hook: ApprovalHook, url: string, approval: Approval): Promise<number> {
    const secret = await this.#options.gate.vault.readSecret({ name: hook.secret, owner: {} });
    if (secret === undefined) throw new Error(`The vault has no secret named ${hook.secret}`);
    const body = JSON.stringify(toPayload(approval));
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "webhook-id": approval.id,
        "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
      },
      body,
      // A redirect could leak the question to a host that the operator did not configure.
      redirect: "manual",
      signal: AbortSignal.any([this.#abort.signal, AbortSignal.timeout(studioLimits.approvalHookTimeoutMs)]),
    });
    await response.body?.cancel();
    return response.status;
  }
}

/** The JSON body for a hook: the question as text for people. */
function toPayload(approval: Approval) {
  const { id, session, tool, title, detail, truncated, origin, createdAt, expiresAt } = approval;
  return {
    version: 1,
    ...{ approval: id, session, tool, title, detail, truncated },
    ...(origin === undefined ? {} : { origin }),
    ...{ createdAt, expiresAt },
  };
}
