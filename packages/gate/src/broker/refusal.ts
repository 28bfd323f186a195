import { type BrokerErrorCode, type BrokerErrorPayload, brokerErrors } from "./errors.ts";

export interface RefusalDetails {
  readonly stage?: number;
  readonly retriable?: boolean;
  readonly field?: string;
  /** Milliseconds; told in whole seconds. */
  readonly retryAfterMs?: number;
  /** For the audit log alone; never told to the caller. */
  readonly onRecord?: Readonly<Record<string, unknown>>;
}

/** A call that goes no further: what its caller is told. */
export class Refusal extends Error {
  readonly payload: BrokerErrorPayload;
  readonly onRecord: Readonly<Record<string, unknown>>;

  constructor(code: BrokerErrorCode, message: string, details: RefusalDetails = {}) {
    super(message);
    this.name = "Refusal";
    this.onRecord = details.onRecord ?? {};
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
