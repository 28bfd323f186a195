/** Providers that create sandboxes, one file each. */

/** Makes and ends the sandboxes that a sandbox server runs in. */
export interface SandboxProvider {
  /** The prefix of sandbox ids: `<name>/<the provider's own id>`. */
  name: string;
  /** Makes a sandbox; resolves with the provider's own id of it. */
  create(): Promise<string>;
  /** Destroys a sandbox permanently. Resolves if it no longer exists. */
  destroy(sandboxId: string): Promise<void>;
  /**
   * Called before an existing sandbox is reused; resumes a paused one. Throws {@link SandboxDestroyedError} if it no
   * longer exists.
   */
  reconnect?(sandboxId: string): Promise<void>;
  /** Stops a sandbox so that `reconnect` brings it back. Without it, `destroy` is called instead. */
  pause?(sandboxId: string): Promise<void>;
  /** Kills a sandbox immediately. If absent, `destroy` is called instead. */
  kill?(sandboxId: string): Promise<void>;
  /** Base URL of the server in the sandbox. This or `getFetch` is needed. */
  getUrl?(sandboxId: string): Promise<string>;
  /** A `fetch` that reaches the server in the sandbox, whatever the host of the URL is. */
  getFetch?(sandboxId: string): Promise<typeof globalThis.fetch>;
  /** The bearer token of the server in the sandbox. */
  getToken?(sandboxId: string): Promise<string | undefined>;
  /** Starts the server in the sandbox unless it is running. Idempotent. */
  ensureServer?(sandboxId: string): Promise<void>;
  /** Working directory of sessions that name none. */
  defaultCwd?: string;
}
