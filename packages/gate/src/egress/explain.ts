import { decide, ruleOf } from "./decide.ts";
import type { EgressCredential, EgressExplanation, EgressHost, EgressUpstream } from "./egress.ts";
import { type EgressLimits, egressLimits } from "./egress-limits.ts";
import { isGeneration } from "./model-request.ts";
import { OpenHosts } from "./open-hosts.ts";
import { parseAuthority } from "./tunnel.ts";
import { type CheckedUpstream, checkUpstreams } from "./upstreams.ts";

export interface ExplainOptions {
  readonly method: string;
  readonly url: string;
  readonly upstreams: ReadonlyMap<string, CheckedUpstream>;
  readonly hosts: OpenHosts;
  readonly limits: Pick<EgressLimits, "maxRequestBytes">;
}

/** Asks the same function that decides about real requests. */
export function explain({ method, url, upstreams, hosts, limits }: ExplainOptions): EgressExplanation {
  if (method === "CONNECT") return explainTunnel(url, upstreams, hosts);
  const target = targetOf(url, upstreams, hosts);
  if (target === undefined) {
    const reason =
      "No upstream has this address, and no host of this name is open: without a rule, nothing is allowed";
    return { decision: "deny", rule: "egress.unknown_upstream", reason };
  }
  const verdict = decide({ method, target }, upstreams, hosts, limits);
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

function explainTunnel(
  target: string,
  upstreams: ReadonlyMap<string, CheckedUpstream>,
  hosts: OpenHosts,
): EgressExplanation {
  const place = parseAuthority(target);
  const fault =
    place === undefined ? "CONNECT names a host and a port" : hosts.tunnelFault(place, upstreams.values());
  return fault === undefined
    ? {
        decision: "allow",
        rule: `CONNECT ${target}`,
        reason: "The host has no finer rule; TLS must name it, and its name must lead to a public address",
        host: target,
        credential: "none",
      }
    : { decision: "deny", rule: "egress.connect_refused", reason: fault };
}

/** The path by which a jail asks for an address; addresses below an upstream's base are that upstream's. */
function targetOf(
  url: string,
  upstreams: ReadonlyMap<string, CheckedUpstream>,
  hosts: OpenHosts,
): string | undefined {
  if (url.startsWith("/")) return url;
  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (address === undefined) return undefined;
  for (const { name, base, basePath } of upstreams.values()) {
    const inside = address.pathname === basePath || address.pathname.startsWith(`${basePath}/`);
    if (address.origin !== base.origin || !inside) continue;
    return `/${name}${address.pathname.slice(basePath.length)}${address.search}`;
  }
  return hosts.pathOf(address);
}

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

/** What a jail with these upstreams and hosts would be answered. Throws `egress.invalid_upstream`. */
export function explainEgress(
  {
    upstreams,
    hosts,
  }: { readonly upstreams: readonly EgressUpstream[]; readonly hosts?: readonly EgressHost[] },
  method: string,
  url: string,
): EgressExplanation {
  return explain({
    method,
    url,
    upstreams: checkUpstreams(upstreams),
    hosts: new OpenHosts(hosts),
    limits: egressLimits,
  });
}
