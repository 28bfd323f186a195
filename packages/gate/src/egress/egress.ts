/**
 * Egress: the only way out of a jail. This file has the public types; `proxy/` forwards requests, `decisions/` allows them,
 * `tunnels/` handles CONNECT, `metering/` counts tokens and cost, and `services/` makes upstreams for git and npm.
 */
import type { Principal } from "../vault/grants.ts";
import type { BudgetRule } from "./metering/budget.ts";
import type { GitTokenCredential } from "./services/git-tokens.ts";

/** Model providers whose credentials the vault keeps. */
export const providerNames = ["anthropic", "openai", "google", "openrouter", "openai-compatible"] as const;

/** One of {@link providerNames}. */
export type ProviderName = (typeof providerNames)[number];

/** Which wire format the usage of a response is read from; "none" is not a model. */
export type EgressProvider = ProviderName | "none";

/** Requests that an upstream takes. */
export interface EgressAllowRule {
  /** Upper-case HTTP methods. */
  readonly methods: readonly string[];
  /** Matches the path below the upstream's base itself and everything below it, by whole segments. */
  readonly pathPrefix: string;
  /** True when nothing below the path matches. */
  readonly exact?: boolean;
  /** The path must also end with one of these, for example ":generateContent". */
  readonly suffixes?: readonly string[];
  /** The query must be exactly these parameters. */
  readonly query?: Readonly<Record<string, string>>;
  /** Presented instead of the upstream's own where this rule matches. */
  readonly credential?: EgressCredential;
}

/** How a secret is put into a request. */
export type CredentialForm = "bearer" | "x-api-key" | "x-goog-api-key";

/** What the proxy presents in the place of the jail. */
export type EgressCredential =
  /** The vault's credential for the provider, resolved at each request. */
  | { readonly kind: "provider"; readonly provider: ProviderName }
  /** A fixed value. */
  | { readonly kind: CredentialForm; readonly value: string }
  | { readonly kind: "basic"; readonly username: string; readonly value: string }
  /** A secret of the vault, where a grant lets this principal use it for this host, path and method. */
  | {
      readonly kind: "secret";
      readonly name: string;
      readonly as: CredentialForm | "basic";
      /** Of "basic". */
      readonly username?: string;
    }
  /** Made for one repository when it is first wanted, and revoked with the way out. */
  | GitTokenCredential
  | { readonly kind: "none" };

/** One place that a jail may reach, with what it may ask there. */
export interface EgressUpstream {
  /** The first path segment by which the jail names it: a-z, 0-9 and "-". */
  readonly name: string;
  /** http or https; host and port are pinned. It may be private: the operator configured it. */
  readonly baseUrl: string;
  readonly provider: EgressProvider;
  /** What may be called. Empty means nothing. */
  readonly allow: readonly EgressAllowRule[];
  readonly credential: EgressCredential;
  /** True where somebody else than the operator named the address: then it has to be a public one. */
  readonly publicOnly?: boolean;
  /** What it answers was written by others: the session is tainted before anything of it arrives. */
  readonly outside?: boolean;
  /** "npm": scoped names are understood, and addresses of tarballs lead back through the proxy. */
  readonly kind?: "npm";
}

/**
 * A host that a jail may name itself, by "/web/https/HOST/PATH", and by CONNECT where it has no finer rules or
 * `intercept` is on.
 */
export interface EgressHost {
  /** A name in lower case, or "*.example.com" for every name below. Never an address. */
  readonly host: string;
  /** 443 by default. */
  readonly ports?: readonly number[];
  /** GET and HEAD by default. Rules for methods, paths or credentials close the host to tunnels unread. */
  readonly methods?: readonly string[];
  readonly pathPrefix?: string;
  readonly credential?: EgressCredential;
  /** What it says is the operator's own: asking it does not taint the session. */
  readonly trusted?: boolean;
}

/** What a jail may reach, and in whose name. */
export interface EgressOptions extends Principal {
  readonly jailId: string;
  /** Whom usage and decisions are accounted to, beside `user` and `organization`. */
  readonly session: string;
  /** Beside those of the gate. The same rule for two jails of a session counts both. */
  readonly budgets?: readonly BudgetRule[];
  readonly upstreams: readonly EgressUpstream[];
  /** Empty, which is the default, means none. Their names must lead to public addresses. */
  readonly hosts?: readonly EgressHost[];
  /**
   * True to let the jail reach upstreams, and hosts with finer rules, by CONNECT: TLS ends in the proxy, by an
   * authority that is made for this jail alone, and each request inside is decided about as any other.
   * By default what the configuration of the gate says, which is no by default.
   */
  readonly intercept?: boolean;
  /** False where no session of an agent gets the answers. */
  readonly taints?: boolean;
  readonly onDecision?: (decision: EgressDecision) => void;
  readonly onUsage?: (usage: EgressUsage) => void;
}

/** What the proxy decided about one request. `at` is milliseconds since the epoch. */
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

/** What one call of a model used. `at` is milliseconds since the epoch. */
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
  /** Millionths of a US dollar, by the price table. */
  readonly costMicros: number;
  /** True where the answer told no usage, or the table has no price for the model. */
  readonly estimated: boolean;
  readonly user?: string;
  readonly organization?: string;
}

/** What would be decided about a request, and why. */
export interface EgressExplanation {
  readonly decision: "allow" | "deny";
  /** The rule that allows, or the code of the refusal. */
  readonly rule: string;
  readonly reason: string;
  readonly upstream?: string;
  /** Where the request would go: host, and port where it is not the scheme's own. */
  readonly host?: string;
  readonly path?: string;
  /** What would be presented there, never its value. */
  readonly credential?: string;
  /** True where the request is a call of a model, which budgets bound. */
  readonly metered?: boolean;
  /** True for a tunnel that ends in the proxy, where each request in it is decided about. */
  readonly intercepted?: boolean;
}

/** What a jail is shown of the authority that was made for it. Its key is the proxy's alone. */
export interface EgressAuthority {
  /** PEM. */
  readonly certificate: string;
  /** Host path of the certificate, for a read-only mount; gone when the way out closes. */
  readonly certificatePath: string;
  /** Host path of this host's authorities with the certificate after them, for tools that take one list. */
  readonly bundlePath: string;
}

/** The way out of one jail: a socket behind which the proxy listens. */
export interface Egress {
  readonly jailId: string;
  /** Host path of the socket, in a directory of its own (0700), for mounting into the jail. */
  readonly socketPath: string;
  /** What the agent gets as its API key. Worthless anywhere: the proxy ignores and strips it. */
  readonly placeholderKey: string;
  /** Where tunnels end in the proxy, and there is something that they could lead to. */
  readonly authority?: EgressAuthority;
  /**
   * What would be decided about METHOD and a URL: a path as the jail sends it, or the address that is meant.
   * Nothing is sent, resolved or recorded.
   */
  explain(method: string, url: string): EgressExplanation;
  /** Closes the socket and ends every request in flight. Idempotent. */
  close(): Promise<void>;
}
