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

/** A rule that allows requests to an upstream. */
export interface EgressAllowRule {
  /** Upper-case HTTP methods. */
  readonly methods: readonly string[];
  /** Matches a path below the upstream's base, and everything below that path, by complete segments. */
  readonly pathPrefix: string;
  /** True when nothing below the path matches. */
  readonly exact?: boolean;
  /** The path must also end with one of these, for example ":generateContent". */
  readonly suffixes?: readonly string[];
  /** The query must be exactly these parameters. */
  readonly query?: Readonly<Record<string, string>>;
  /** Overrides the credential of the upstream for requests that this rule allows. */
  readonly credential?: EgressCredential;
}

/** How a secret is put into a request. */
export type CredentialForm = "bearer" | "x-api-key" | "x-goog-api-key";

/** The credential that the proxy adds to requests of the jail. */
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
      /** User name, for "basic" only. */
      readonly username?: string;
    }
  /** Issued for one repository on first use, and revoked when the egress closes. */
  | GitTokenCredential
  | { readonly kind: "none" };

/** A server that a jail may reach, with the requests that it may send. */
export interface EgressUpstream {
  /** The first path segment by which the jail names it: a-z, 0-9 and "-". */
  readonly name: string;
  /** An http or https URL. Host and port are pinned, and may be private, since the operator configured them. */
  readonly baseUrl: string;
  readonly provider: EgressProvider;
  /** The allowed requests. An empty list allows nothing. */
  readonly allow: readonly EgressAllowRule[];
  readonly credential: EgressCredential;
  /** True for an address that the operator did not choose: it must then be a public one. */
  readonly publicOnly?: boolean;
  /** True where answers are untrusted content: the session is tainted before a request is sent. */
  readonly outside?: boolean;
  /** "npm" for a registry: supports scoped names, and rewrites tarball URLs to lead through the proxy. */
  readonly kind?: "npm";
}

/**
 * A host that a jail may name by itself, as "/web/https/HOST/PATH", and by CONNECT where it has no restricting rules or
 * `intercept` is on.
 */
export interface EgressHost {
  /** A host name in lower case, or "*.example.com" for every name below it. Never an IP address. */
  readonly host: string;
  /** 443 by default. */
  readonly ports?: readonly number[];
  /** GET and HEAD by default. A rule with methods, a path or a credential excludes unread tunnels to the host. */
  readonly methods?: readonly string[];
  readonly pathPrefix?: string;
  readonly credential?: EgressCredential;
  /** True where the content is the operator's own: requests do not taint the session. */
  readonly trusted?: boolean;
}

/** Egress of a jail: what it may reach, and who is charged for its usage. */
export interface EgressOptions extends Principal {
  readonly jailId: string;
  /** The session that usage and decisions belong to, besides `user` and `organization`. */
  readonly session: string;
  /** As for the broker: what taints one session of a workspace taints all of them. */
  readonly workspace?: string;
  /** Added to the budgets of the gate. The same session budget for two jails counts both. */
  readonly budgets?: readonly BudgetRule[];
  readonly upstreams: readonly EgressUpstream[];
  /**
   * Hosts that the jail may name by itself; by default those of the gate's configuration, which has none unless an
   * operator enters them. Their names must resolve to public addresses.
   */
  readonly hosts?: readonly EgressHost[];
  /**
   * True to intercept tunnels (CONNECT) to upstreams and to hosts with restricting rules: the proxy terminates TLS with a
   * certificate authority of this jail alone, and decides about each request inside. By default the setting of the gate,
   * which is false unless it is configured.
   */
  readonly intercept?: boolean;
  /** False where no agent sees the answers, so that they taint no session. */
  readonly taints?: boolean;
  readonly onDecision?: (decision: EgressDecision) => void;
  readonly onUsage?: (usage: EgressUsage) => void;
  /** Called before a model call is sent. Nothing is sent until it resolves; an error that it throws refuses the call. */
  readonly beforeCall?: (call: EgressCall) => void | Promise<void>;
  /**
   * Called once for each call that `beforeCall` has admitted, as soon as its usage is charged; without `usage` if nothing
   * was used.
   */
  readonly afterCall?: (call: EgressCall, usage: EgressUsage | undefined) => void;
}

/** A model call of a jail. `at` is milliseconds since the epoch. */
export interface EgressCall {
  readonly id: string;
  readonly at: number;
  readonly jailId: string;
  readonly session: string;
  readonly upstream: string;
}

/** The proxy's decision about one request. `at` is milliseconds since the epoch. */
export interface EgressDecision {
  readonly at: number;
  readonly jailId: string;
  readonly session: string;
  readonly decision: "allow" | "deny";
  /** The rule that allowed it ("POST /v1/messages"), or the code of the refusal. */
  readonly rule: string;
  readonly upstream?: string;
  readonly method?: string;
  /** Without the query. */
  readonly path?: string;
}

/** The usage of one model call. `at` is milliseconds since the epoch. */
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
  /** True where the answer reported no usage, or the model has no price. */
  readonly estimated: boolean;
  /** False where the model has no price: `costMicros` is then what budgets charge, which is an upper bound or 0. */
  readonly isPriced: boolean;
  readonly user?: string;
  readonly organization?: string;
}

/** Decision about a request, with its reason. */
export interface EgressExplanation {
  readonly decision: "allow" | "deny";
  /** The rule that allows, or the code of the refusal. */
  readonly rule: string;
  readonly reason: string;
  readonly upstream?: string;
  /** The host of the request, with the port unless it is the default of the scheme. */
  readonly host?: string;
  readonly path?: string;
  /** The credential that would be added, without its value. */
  readonly credential?: string;
  /** True for a model call, which budgets bound. */
  readonly metered?: boolean;
  /** True for a tunnel that would be intercepted. */
  readonly intercepted?: boolean;
}

/** The public part of a jail's certificate authority. The proxy keeps its key. */
export interface EgressAuthority {
  /** PEM. */
  readonly certificate: string;
  /** Host path of the certificate, for a read-only mount; removed when the egress closes. */
  readonly certificatePath: string;
  /** Host path of this host's certificate bundle with the certificate appended, for tools that take a single list. */
  readonly bundlePath: string;
}

/** The egress of one jail: a socket behind which its proxy listens. */
export interface Egress {
  readonly jailId: string;
  /** Host path of the socket, in a directory of its own (0700), for mounting into the jail. */
  readonly socketPath: string;
  /** The API key that the agent gets. It is worthless: the proxy strips it. */
  readonly placeholderKey: string;
  /** The certificate authority; only where tunnels are intercepted and rules call for it. */
  readonly authority?: EgressAuthority;
  /**
   * Explains the decision about a method and a URL, which is a path of the proxy or a complete address. Sends,
   * resolves and records nothing.
   */
  explain(method: string, url: string): EgressExplanation;
  /** Closes the socket and aborts every running request. Idempotent. */
  close(): Promise<void>;
}
