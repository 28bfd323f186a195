import { isHoldfastError } from "@holdfast/core";
import type { Approval, ApprovalRequest, Approvals } from "../../approvals/approvals.ts";
import type { Policy } from "../../policy/policy.ts";
import { ruleFor } from "../../policy/propose.ts";
import { Refusal } from "../refusal.ts";
import type { Taint } from "../taint.ts";
import { decideCall } from "./authorize.ts";
import type { AuthorizedCall, ConfirmedCall } from "./stage.ts";

export interface ConfirmParts {
  readonly approvals: Approvals;
  readonly policy: Policy;
  readonly taint: Taint;
  /** How long a call waits for a person, in milliseconds. */
  readonly waitMs: number;
}

/** What a card says beside the call itself. */
function besides(call: AuthorizedCall, taint: Taint): Pick<ApprovalRequest, "proposal" | "origin"> {
  const { entry, principal, envelope } = call;
  const origin = taint.reason(principal.session);
  const proposal = ruleFor({
    tool: entry.tool,
    arguments: envelope.payload.arguments,
    group: principal.group,
    tainted: origin !== undefined,
  });
  return { ...(proposal === undefined ? {} : { proposal }), ...(origin === undefined ? {} : { origin }) };
}

/**
 * Stage 5: a person allows the call. The question is durable and bound to tool, version, arguments and
 * session; a call that asks again meets it. An answer is used up before anything happens.
 */
export class ConfirmStage {
  readonly name = "confirm";
  readonly #parts: ConfirmParts;

  constructor(parts: ConfirmParts) {
    this.#parts = parts;
  }

  /** Tells by `onWaiting` that a person is being waited for. */
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
      ...besides(call, this.#parts.taint),
    };
    const over = AbortSignal.timeout(this.#parts.waitMs);
    for (;;) {
      const asked = await this.#ask(request);
      if (asked.state === "pending") onWaiting(asked);
      const answered = await this.#wait(asked, AbortSignal.any([signal, over]), signal);
      // What was forbidden meanwhile stays so, whatever a person answered.
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
      // Too many open questions, or arguments that no card can hold: nobody can be asked now.
      throw new Refusal("CONFIRMATION_TIMEOUT", `Nobody can be asked: ${error.message}`, {
        retryAfterMs: 30_000,
      });
    }
  }

  async #wait(asked: Approval, either: AbortSignal, cancelled: AbortSignal): Promise<Approval> {
    try {
      return await this.#parts.approvals.wait(asked.id, either);
    } catch (error) {
      cancelled.throwIfAborted();
      if (!either.aborted) throw error;
      const expires = new Date(asked.expiresAt).toISOString();
      throw new Refusal(
        "CONFIRMATION_TIMEOUT",
        `A person has not answered yet. The question ${asked.id} stays open until ${expires}; ` +
          "make the same call again to wait on",
        { retryAfterMs: 1_000 },
      );
    }
  }

  /** The id of the used approval; undefined when another call was quicker, so that this one asks again. */
  async #use(answered: Approval, request: ApprovalRequest): Promise<string | undefined> {
    switch (answered.state) {
      case "denied":
        throw new Refusal(
          "CONFIRMATION_DENIED",
          "A person denied this call; the same call is not asked again soon",
        );
      case "expired":
        throw new Refusal("CONFIRMATION_TIMEOUT", "Nobody answered in time; the same call asks again");
      case "cancelled":
        throw new Refusal("CONFIRMATION_DENIED", "The question was withdrawn");
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
