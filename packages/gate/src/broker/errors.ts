/** Error codes that an agent can receive from the broker; docs/errors-gate.md explains each. */
export const brokerErrors = {
  UNKNOWN_TOOL: { stage: 2, retriable: false },
  VALIDATION_FAILED: { stage: 3, retriable: false },
  UNAUTHORIZED: { stage: 4, retriable: false },
  RATE_LIMITED: { stage: 4, retriable: true },
  CONFIRMATION_TIMEOUT: { stage: 5, retriable: true },
  CONFIRMATION_DENIED: { stage: 5, retriable: false },
  PLUGIN_TIMEOUT: { stage: 6, retriable: true },
  PLUGIN_UNAVAILABLE: { stage: 6, retriable: true },
  PLUGIN_ERROR: { stage: 6, retriable: false },
  HANDLER_ERROR: { stage: 6, retriable: false },
} as const;

/** One of {@link brokerErrors}. */
export type BrokerErrorCode = keyof typeof brokerErrors;

/** Codes of the stages before a tool is called. Tools cannot use them. */
export const pipelineCodes: ReadonlySet<string> = new Set(
  Object.entries(brokerErrors).flatMap(([code, { stage }]) => (stage < 6 ? [code] : [])),
);

/** `error` of an answer on the wire. */
export interface BrokerErrorPayload {
  /** A broker code, or a plugin's own. */
  readonly code: string;
  readonly message: string;
  readonly retriable: boolean;
  /** 1 to 6: construct, topic, payload, authorize, confirm, route. */
  readonly stage?: number;
  /** The invalid argument: a JSON pointer without its first slash. */
  readonly field?: string;
  /** Whole seconds. */
  readonly retry_after?: number;
}
