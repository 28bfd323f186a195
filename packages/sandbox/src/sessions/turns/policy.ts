/** What an agent asks for, as a policy sees it. */
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

/** Allow and deny answer for this once; ask leaves it to the clients. */
export type PermissionVerdict = "allow" | "ask" | "deny";

/** Called before a person is asked. When it throws, or takes too long, the person is asked. */
export type PermissionPolicy = (request: PermissionRequest) => PermissionVerdict | Promise<PermissionVerdict>;
