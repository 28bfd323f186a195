/** Options of `/opencode/*`. They correspond to the peer's variables `OPENCODE_COMPAT_*`. */
export interface OpenCodeOptions {
  /** Directory of requests that name none. Default: the working directory of agents. */
  readonly directory?: string;
  /** State and configuration directories that are reported to clients. Nothing is stored there. */
  readonly state?: string;
  readonly config?: string;
  /** OpenCode server that handles the requests without a route here. */
  readonly proxyUrl?: string;
}
