/** What `/opencode/*` tells of its place; the peer's variables `OPENCODE_COMPAT_*`. */
export interface OpenCodeOptions {
  /** The directory of clients that name none; that of agents by default. */
  readonly directory?: string;
  /** Where OpenCode would keep its state and its configuration. */
  readonly state?: string;
  readonly config?: string;
  /** An OpenCode server that gets the requests for which there is no route here. */
  readonly proxyUrl?: string;
}
