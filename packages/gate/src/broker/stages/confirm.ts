import { isHoldfastError } from "@holdfast/core";
import type { Approval, ApprovalRequest, Approvals } from "../../approvals/approvals.ts";
import type { Policy } from "../../policy/policy.ts";
import { ruleFor } from "../../policy/propose.ts";
import { Refusal } from "../refusal.ts";
import { type Taint, taintKey } from "../taint.ts";
import { decideCall } from "./authorize.ts";
import type { AuthorizedCall, ConfirmedCall } from "./stage.ts";

export interface ConfirmParts {
  readonly approvals: Approvals;
  readonly policy: Policy;
  readonly taint: Taint;
  /** How long a call waits for a person, in milliseconds. */
  readonly waitMs: number;
}

/** Details of an approval card besides the call itself. */
function cardDetails(call: AuthorizedCall, taint: Taint): Pick<ApprovalRequest, "proposal" | "origin"> {
  const { entry, principal, envelope } = call;
  const origin = taint.reason(taintKey(principal));
  const proposal = ruleFor({
    tool: entry.tool,
    arguments: envelope.payload.arguments,
    group: principal.group,
    tainted: origin !== undefined,
  });
  return { ...(proposal === undefined ? {} : { proposal }), ...(origin === undefined ? {} : { origin }) };
}

/**
 * Stage 5: a person allows the call. The approval is durable and bound to tool, version, arguments and session; a
 * repeated call joins it. An answer is consumed before the call takes effect.
 */
export class ConfirmStage {
  readonly name = "confirm";
  readonly #parts: ConfirmParts;

  constructor(parts: ConfirmParts) {
    this.#parts = parts;
  }

  /** Calls `onWaiting` when it starts waiting for a person. */
  async run(
    call: AuthorizedCall,
    signal: AbortSignal,
    onWaiting: (approval: Approval) => void,
  ): Promise<ConfirmedCall> {
    if (call.ask === undefined) return { ...call, approval: undefined };
    const { tool } = call.entry;
    const request: ApprovalRequest = {
      session: call.principal.session,
      tool: tool.name,
      version: tool.pluginVersion,
      arguments: call.envelope.payload.arguments,
      title: `${tool.plugin}: ${tool.name}`,
      denialHolds: true,
      ...cardDetails(call, this.#parts.taint),
    };
    const over = AbortSignal.timeout(this.#parts.waitMs);
    for (;;) {
      const asked = await this.#ask(request);
      if (asked.state === "pending") onWaiting(asked);
      const answered = await this.#wait(asked, AbortSignal.any([signal, over]), signal);
      // A policy change since then that denies the call overrides the person's answer.
      decideCall(this.#parts, call);
      const used = await this.#use(answered, request);
      if (used !== undefined) return { ...call, approval: used };
    }
  }

  async #ask(request: ApprovalRequest): Promise<Approval> {
    try {
      return await this.#parts.approvals.request(request);
    } catch (error) {
      if (!isHoldfastError(error)) throw error;
      // Too many pending approvals, or arguments too large for a card.
      throw new Refusal(
        "CONFIRMATION_TIMEOUT",
        `This call needs an approval, which cannot be requested: ${error.message}`,
        {
          retryAfterMs: 30_000,
        },
      );
    }
  }

  async #wait(asked: Approval, timeoutOrCancel: AbortSignal, cancelled: AbortSignal): Promise<Approval> {
    try {
      return await this.#parts.approvals.wait(asked.id, timeoutOrCancel);
    } catch (error) {
      cancelled.throwIfAborted();
      if (!timeoutOrCancel.aborted) throw error;
      const expires = new Date(asked.expiresAt).toISOString();
      throw new Refusal(
        "CONFIRMATION_TIMEOUT",
        `The approval ${asked.id} is pending until ${expires}; ` +
          "make the same call again to continue waiting",
        { retryAfterMs: 1_000 },
      );
    }
  }

  /** Id of the consumed approval; undefined if another call consumed it first, so that this one asks again. */
  async #use(answered: Approval, request: ApprovalRequest): Promise<string | undefined> {
    switch (answered.state) {
      case "denied":
        throw new Refusal(
          "CONFIRMATION_DENIED",
          "A person denied this call. The same call is denied without asking for the next minutes",
        );
      case "expired":
        throw new Refusal(
          "CONFIRMATION_TIMEOUT",
          "The approval expired without an answer. Make the same call again to request another",
        );
      case "cancelled":
        throw new Refusal("CONFIRMATION_DENIED", "The approval was withdrawn");
      case "pending":
      case "consumed":
        return undefined;
      case "allowed":
        try {
          return (await this.#parts.approvals.consume(answered.id, request)).id;
        } catch (error) {
          if (isHoldfastError(error) && error.code === "not_allowed") return undefined;
          throw error;
        }
    }
  }
}
