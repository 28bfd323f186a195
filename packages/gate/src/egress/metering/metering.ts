/**
 * Metering: tokens, cost, budgets and the rate of spending of model calls. It reads requests and answers of models, and
 * keeps the ledger `usage.db`.
 */
import { HoldfastError } from "@holdfast/core";
import type { Limited, Payer } from "../../broker/rates/rates.ts";
import type { Principal } from "../../vault/grants.ts";
import type { EgressProvider } from "../egress.ts";
import { refusal } from "../proxy/refusals.ts";
import type { BudgetRule, Spent } from "./budget.ts";
import type { Budgets, Reservation } from "./budgets.ts";
import { AmbiguousBodyError, type RequestBody } from "./model-fields.ts";
import {
  type CallProgress,
  chargeOf,
  estimateInput,
  type ModelRequest,
  readModelRequest,
} from "./model-request.ts";
import type { Prices } from "./prices.ts";
import type { MeteredTokens } from "./usage-meter.ts";

/** The rate limit on money. The cost of a call is known afterwards, so a limit may go into debt. */
export interface SpendingRate {
  spent(principal: Payer): Limited | undefined | Promise<Limited | undefined>;
  spend(principal: Payer, costMicros: number): void;
}

export interface MeteringParts {
  readonly ledger: Budgets;
  readonly spending: SpendingRate;
  readonly prices: Prices;
  readonly principal: Principal & Payer;
  /** The rules of this jail, beside those of the gate. */
  readonly budgets: readonly BudgetRule[];
}

/** Charge of one call. */
export interface Charge {
  readonly tokens: MeteredTokens;
  readonly costMicros: number;
  readonly estimated: boolean;
  /** False where the model has no price. */
  readonly isPriced: boolean;
}

/** Meters the model calls of one jail, within its budgets and its rate of spending. */
export class Metering {
  readonly #parts: MeteringParts;
  /** True where a budget applies: then requests are read before they are sent. */
  readonly bounded: boolean;

  constructor(parts: MeteringParts) {
    this.#parts = parts;
    this.bounded = parts.ledger.rulesFor(parts.principal, parts.budgets).length > 0;
  }

  /** Throws `egress.rate_limited` where this session, user or organisation spends too fast. */
  async checkPace(): Promise<void> {
    const limited = await this.#parts.spending.spent(this.#parts.principal);
    if (limited === undefined) return;
    const { scope, retryAfterMs } = limited;
    const whose = scope === "jail" ? "session" : scope;
    throw new HoldfastError("egress", "rate_limited", `The ${whose} spends money on models too fast`, {
      statusCode: 429,
      ...(retryAfterMs === undefined
        ? {}
        : { metadata: { retryAfter: Math.max(1, Math.ceil(retryAfterMs / 1_000)) } }),
    });
  }

  /** Reserves what the request may use. Throws `egress.budget_exceeded`, `egress.ambiguous_request`. */
  async reserve(provider: EgressProvider, path: string, body: RequestBody): Promise<MeteredCall> {
    const { ledger, principal, budgets } = this.#parts;
    const request = this.#read(provider, path, body);
    const tokens = { ...request, cacheReadTokens: 0, cacheWriteTokens: 0 };
    const wanted = {
      tokens: request.inputTokens + request.outputTokens,
      costMicros: this.#cost(provider, tokens).micros,
    };
    return new MeteredCall(this, provider, request, await ledger.reserve(principal, wanted, budgets));
  }

  #read(provider: EgressProvider, path: string, body: RequestBody): ModelRequest {
    try {
      return readModelRequest(provider, path, body);
    } catch (error) {
      if (!(error instanceof AmbiguousBodyError)) throw error;
      const why = `Where a budget applies, a request to a model must be unambiguous: ${error.message}`;
      throw refusal("ambiguous_request", 400, why);
    }
  }

  /** For a request without a budget, which is forwarded unread. */
  unbounded(provider: EgressProvider): MeteredCall {
    return new MeteredCall(this, provider, undefined, undefined);
  }

  charge(provider: EgressProvider, tokens: MeteredTokens, estimated: boolean): Charge {
    const { micros, known } = this.#cost(provider, tokens);
    return { tokens, costMicros: micros, estimated: estimated || !known, isPriced: known };
  }

  settle(reservation: Reservation | undefined, charge: Charge | undefined): void {
    const { ledger, principal, spending } = this.#parts;
    if (charge !== undefined) spending.spend(principal, charge.costMicros);
    const used: Spent | undefined = charge && {
      tokens: charge.tokens.inputTokens + charge.tokens.outputTokens,
      costMicros: charge.costMicros,
    };
    if (reservation !== undefined) ledger.settle(reservation, used);
    else if (used !== undefined) ledger.charge(principal, used);
  }

  #cost(provider: EgressProvider, tokens: MeteredTokens) {
    return this.#parts.prices.cost(tokens, provider === "openai-compatible");
  }
}

/** One model call, from its reservation to its charge. */
export class MeteredCall {
  readonly #metering: Metering;
  readonly #provider: EgressProvider;
  readonly #request: ModelRequest | undefined;
  readonly #reservation: Reservation | undefined;
  #settled = false;

  constructor(
    metering: Metering,
    provider: EgressProvider,
    request: ModelRequest | undefined,
    reservation: Reservation | undefined,
  ) {
    this.#metering = metering;
    this.#provider = provider;
    this.#request = request;
    this.#reservation = reservation;
  }

  /** The reserved amounts, for the audit log. */
  get reserved(): Spent | undefined {
    const held = this.#reservation;
    return held && { tokens: held.tokens, costMicros: held.costMicros };
  }

  /** Frees the reservation of a call that was not sent. Idempotent; does nothing after `settle`. */
  release(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#metering.settle(this.#reservation, undefined);
  }

  settle(reported: MeteredTokens | undefined, progress: CallProgress): Charge | undefined {
    if (this.#settled) return undefined;
    this.#settled = true;
    // The request was not read: its size and that of the answer are all that is known.
    const request = this.#request ?? {
      model: "",
      inputTokens: estimateInput(progress.bytesOut),
      outputTokens: estimateInput(progress.bytesIn),
    };
    const used = chargeOf(reported, request, progress);
    const charge = used && this.#metering.charge(this.#provider, used.tokens, used.estimated);
    this.#metering.settle(this.#reservation, charge);
    return charge;
  }
}
