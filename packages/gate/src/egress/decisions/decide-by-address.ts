import type { EgressLimits } from "../egress-limits.ts";
import { type AllowedHosts, allowedHostSegment } from "./allowed-hosts.ts";
import { decide, type RequestHead, type Verdict } from "./decide-by-path.ts";
import type { CheckedUpstream } from "./upstreams.ts";

/** What a jail may ask of its proxy. */
export interface AllowedDestinations {
  readonly upstreams: ReadonlyMap<string, CheckedUpstream>;
  readonly hosts: AllowedHosts;
}

/** The path by which a jail would ask the reverse proxy for an address of a host that it names itself. */
export function pathForHost(origin: string, target: string): string {
  return `/${allowedHostSegment}/${origin.replace("://", "/")}${target}`;
}

/**
 * The paths by which a jail would ask the reverse proxy for `target` (path and query, as they are written) of
 * an origin. An upstream has what is below its base; a host that the jail may name has the rest.
 */
function* pathsAt(
  origin: string,
  target: string,
  { upstreams, hosts }: AllowedDestinations,
): Iterable<string> {
  for (const { name, base, basePath } of upstreams.values()) {
    if (base.origin !== origin || !target.startsWith(basePath)) continue;
    const below = target.slice(basePath.length);
    if (/^(?:[/?]|$)/.test(below)) yield `/${name}${below}`;
  }
  const named = pathForHost(origin, target);
  if (hosts.upstream(named) !== undefined) yield named;
}

/**
 * Decides about a request by the address that it means, as the reverse proxy decides about each path that leads
 * there: what one of them allows is allowed, since a jail is free to ask by any of them.
 */
export function decideByAddress(
  origin: string,
  head: RequestHead,
  destinations: AllowedDestinations,
  limits: Pick<EgressLimits, "maxRequestBytes">,
): Verdict {
  const { method } = head;
  if (!head.target.startsWith("/"))
    return refuse("malformed_path", 400, "In a tunnel a request names a path alone", method);
  let refused: Verdict | undefined;
  for (const target of pathsAt(origin, head.target, destinations)) {
    const verdict = decide({ ...head, target }, destinations.upstreams, destinations.hosts, limits);
    if ("admitted" in verdict) return verdict;
    refused ??= verdict;
  }
  const nothing =
    "No upstream has this address, and no host of this name is open: without a rule, nothing is allowed";
  return refused ?? refuse("unknown_upstream", 403, nothing, method);
}

function refuse(code: string, status: number, message: string, method: string): Verdict {
  return { refusal: { code, status, message, about: { method } } };
}
