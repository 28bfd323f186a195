import { type BrokerErrorCode, type BrokerErrorPayload, brokerErrors } from "./errors.ts";
import type { Limited } from "./rate-limiter.ts";

export interface RefusalDetails {
  readonly stage?: number;
  readonly retriable?: boolean;
  readonly field?: string;
  /** Milliseconds; told in whole seconds. */
  readonly retryAfterMs?: number;
  /** For the audit log alone; never told to the caller. */
  readonly auditData?: Readonly<Record<string, unknown>>;
}

/** A call that goes no further: what its caller is told. */
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

/** A call that has to wait; where nothing comes back with time, asking again helps nobody. */
export function rateLimited(message: string, { retryAfterMs }: Limited): Refusal {
  return retryAfterMs === undefined
    ? new Refusal("RATE_LIMITED", message, { retriable: false })
    : new Refusal("RATE_LIMITED", message, { retryAfterMs });
}
