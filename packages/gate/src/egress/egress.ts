/** Model providers whose credentials the vault keeps. */
export const providerNames = ["anthropic", "openai"] as const;

export type ProviderName = (typeof providerNames)[number];

/** Which wire format the usage of a response is read from, and how a credential is presented. */
export type EgressProvider = ProviderName | "openai-compatible" | "none";

export interface EgressAllowRule {
  /** Upper-case HTTP methods. */
  readonly methods: readonly string[];
  /** Matches the path below the upstream's base itself and everything below it, by whole segments. */
  readonly pathPrefix: string;
}

export type EgressCredential =
  /** The vault's credential for the provider, resolved at each request. */
  | { readonly kind: "provider"; readonly provider: ProviderName }
  /** A fixed bearer token or x-api-key. */
  | { readonly kind: "bearer" | "x-api-key"; readonly value: string }
  | { readonly kind: "none" };

export interface EgressUpstream {
  /** The first path segment by which the jail names it: a-z, 0-9 and "-". */
  readonly name: string;
  /** http or https; host and port are pinned. It may be private: the operator configured it. */
  readonly baseUrl: string;
  readonly provider: EgressProvider;
  /** What may be called. Empty means nothing. */
  readonly allow: readonly EgressAllowRule[];
  readonly credential: EgressCredential;
}

export interface EgressOptions {
  readonly jailId: string;
  /** Whom usage and decisions are accounted to. */
  readonly session: string;
  readonly upstreams: readonly EgressUpstream[];
  readonly onDecision?: (decision: EgressDecision) => void;
  readonly onUsage?: (usage: EgressUsage) => void;
}

export interface EgressDecision {
  readonly at: number;
  readonly jailId: string;
  readonly session: string;
  readonly decision: "allow" | "deny";
  /** What decided: "allow POST /v1/messages", or the code of the refusal. */
  readonly rule: string;
  readonly upstream?: string;
  readonly method?: string;
  /** Without the query. */
  readonly path?: string;
}

export interface EgressUsage {
  readonly at: number;
  readonly jailId: string;
  readonly session: string;
  readonly upstream: string;
  readonly model: string;
  /** All input tokens, those read from and written to a cache included. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
}

export interface Egress {
  readonly jailId: string;
  /** Host path of the socket, in a directory of its own (0700), for mounting into the jail. */
  readonly socketPath: string;
  /** What the agent gets as its API key. Worthless anywhere: the proxy ignores and strips it. */
  readonly placeholderKey: string;
  /** Closes the socket and ends every request in flight. Idempotent. */
  close(): Promise<void>;
}
