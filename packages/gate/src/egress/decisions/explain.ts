import type { EgressCredential, EgressExplanation, EgressOptions } from "../egress.ts";
import { type EgressLimits, egressLimits } from "../egress-limits.ts";
import { isGeneration } from "../metering/model-request.ts";
import { parseAuthority } from "../tunnels/tunnel-connection.ts";
import { decideTunnel } from "../tunnels/tunnel-decision.ts";
import { AllowedHosts } from "./allowed-hosts.ts";
import { type AllowedDestinations, decideByAddress } from "./decide-by-address.ts";
import { decide, ruleOf, type Verdict } from "./decide-by-path.ts";
import { checkUpstreams } from "./upstreams.ts";

export interface ExplainOptions {
  readonly method: string;
  readonly url: string;
  readonly destinations: AllowedDestinations;
  /** Whether tunnels that would hide something end in the proxy. */
  readonly intercept: boolean;
  readonly limits: Pick<EgressLimits, "maxRequestBytes">;
}

/** Asks the same function that decides about real requests. */
export function explain(options: ExplainOptions): EgressExplanation {
  const { method } = options;
  if (method === "CONNECT") return explainTunnel(options);
  const verdict = verdictOf(options);
  if ("refusal" in verdict) {
    const { code, message, about } = verdict.refusal;
    return {
      decision: "deny",
      rule: `egress.${code}`,
      reason: message,
      ...(about.upstream === undefined ? {} : { upstream: about.upstream }),
      ...(about.path === undefined ? {} : { path: about.path }),
    };
  }
  const { upstream, rule, path } = verdict.admitted;
  const names = upstream.publicOnly === true ? ", if its name leads to a public address" : "";
  return {
    decision: "allow",
    rule: ruleOf(verdict.admitted),
    reason: `A rule of ${upstream.name} allows it${names}`,
    upstream: upstream.name,
    host: upstream.base.host,
    path: `${upstream.basePath}${path}`,
    credential: describeCredential(rule.credential ?? upstream.credential),
    metered: isGeneration(upstream.provider, method, path),
  };
}

function explainTunnel({ url, destinations, intercept }: ExplainOptions): EgressExplanation {
  const place = parseAuthority(url);
  const way =
    place === undefined
      ? ({ way: "refuse", why: "CONNECT names a host and a port" } as const)
      : decideTunnel(place, destinations, intercept || undefined);
  switch (way.way) {
    case "refuse":
      return { decision: "deny", rule: "egress.connect_refused", reason: way.why };
    case "pass":
      return {
        decision: "allow",
        rule: `CONNECT ${url}`,
        reason: "The host has no finer rule; TLS must name it, and its name must lead to a public address",
        host: url,
        credential: "none",
      };
    case "intercept":
      return {
        decision: "allow",
        rule: `CONNECT ${url}`,
        reason: "TLS ends in the proxy, by the jail's own authority; each request inside is decided about",
        host: url,
        intercepted: true,
      };
  }
}

/** A path is one of the proxy; an address is asked for in a tunnel, or by a path that means it. */
function verdictOf({ method, url, destinations, limits }: ExplainOptions): Verdict {
  if (url.startsWith("/"))
    return decide({ method, target: url }, destinations.upstreams, destinations.hosts, limits);
  const { origin, pathname, search } = URL.canParse(url) ? new URL(url) : nowhere;
  return decideByAddress(origin, { method, target: `${pathname}${search}` }, destinations, limits);
}

/** What no address says. */
const nowhere = { origin: "null", pathname: "/", search: "" };

function describeCredential(credential: EgressCredential): string {
  switch (credential.kind) {
    case "none":
      return "none";
    case "provider":
      return `the vault's for ${credential.provider}`;
    case "secret":
      return `the secret ${credential.name}, where it is granted`;
    case "git-token":
      return `a token for ${credential.repository} alone, to ${credential.access}`;
    case "basic":
    case "bearer":
    case "x-api-key":
    case "x-goog-api-key":
      return `a fixed ${credential.kind} credential`;
  }
}

/**
 * What a jail with these upstreams and hosts, and with tunnels that end in the proxy or not, would be answered.
 * Throws `egress.invalid_upstream`.
 */
export function explainEgress(
  { upstreams, hosts, intercept = false }: Pick<EgressOptions, "upstreams" | "hosts" | "intercept">,
  method: string,
  url: string,
): EgressExplanation {
  const destinations = { upstreams: checkUpstreams(upstreams), hosts: new AllowedHosts(hosts) };
  return explain({ method, url, destinations, intercept, limits: egressLimits });
}
