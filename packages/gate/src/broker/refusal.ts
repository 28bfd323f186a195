import { type BrokerErrorCode, type BrokerErrorPayload, brokerErrors } from "./errors.ts";
import type { Limited } from "./rates/rates.ts";

export interface RefusalDetails {
  readonly stage?: number;
  readonly retriable?: boolean;
  readonly field?: string;
  /** Milliseconds; sent in whole seconds. */
  readonly retryAfterMs?: number;
  /** For the audit log only; never sent to the caller. */
  readonly auditData?: Readonly<Record<string, unknown>>;
}

/** A refused call, with the error for its caller. */
export class Refusal extends Error {
  readonly payload: BrokerErrorPayload;
  readonly auditData: Readonly<Record<string, unknown>>;

  constructor(code: BrokerErrorCode, message: string, details: RefusalDetails = {}) {
    super(message);
    this.name = "Refusal";
    this.auditData = details.auditData ?? {};
    const { stage, retriable } = brokerErrors[code];
    this.payload = {
      code,
      message,
      retriable: details.retriable ?? retriable,
      stage: details.stage ?? stage,
      ...(details.field === undefined ? {} : { field: details.field }),
      ...(details.retryAfterMs === undefined
        ? {}
        : { retry_after: Math.max(1, Math.ceil(details.retryAfterMs / 1_000)) }),
    };
  }
}

/** A call over a rate limit. It is retriable unless the bucket never refills. */
export function rateLimited(message: string, { retryAfterMs }: Limited): Refusal {
  return retryAfterMs === undefined
    ? new Refusal("RATE_LIMITED", message, { retriable: false })
    : new Refusal("RATE_LIMITED", message, { retryAfterMs });
}
