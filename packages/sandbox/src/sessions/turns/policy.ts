/** A permission request for a policy. */
export interface PermissionRequest {
  readonly sessionId: string;
  readonly agent: string;
  readonly cwd: string;
  /** As the agent sent them. */
  readonly toolCall: Readonly<Record<string, unknown>>;
  readonly options: readonly PermissionOption[];
}

/** One of the answers that the agent offers; `kind` is `allow_once`, `allow_always`, `reject_once` or `reject_always`. */
export interface PermissionOption {
  readonly optionId: string;
  readonly name: string;
  readonly kind: string;
}

/** `allow` and `deny` answer this one request; `ask` leaves it to the clients. */
export type PermissionVerdict = "allow" | "ask" | "deny";

/** Decides on permission requests. When it throws or exceeds `policyTimeoutMs`, the clients are asked. */
export type PermissionPolicy = (request: PermissionRequest) => PermissionVerdict | Promise<PermissionVerdict>;
