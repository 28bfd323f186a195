import type { EgressLimits } from "../egress-limits.ts";
import { type AllowedHosts, allowedHostSegment } from "./allowed-hosts.ts";
import { decide, type RequestHead, type Verdict } from "./decide-by-path.ts";
import type { CheckedUpstream } from "./upstreams.ts";

/** Everything that a jail may reach: configured upstreams, and hosts that it may name by itself. */
export interface AllowedDestinations {
  readonly upstreams: ReadonlyMap<string, CheckedUpstream>;
  readonly hosts: AllowedHosts;
}

/** The path of the reverse proxy for an address of an allowed host. */
export function pathForHost(origin: string, target: string): string {
  return `/${allowedHostSegment}/${origin.replace("://", "/")}${target}`;
}

/**
 * The paths of the reverse proxy that lead to `target` (path and query) of an origin: through each upstream whose
 * base is above it, and as an allowed host.
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
 * Decides about a request by its URL, as the reverse proxy would for each of its paths to that URL. Allowed if any of
 * those paths allows it, since a jail can choose the path.
 */
export function decideByAddress(
  origin: string,
  head: RequestHead,
  destinations: AllowedDestinations,
  limits: Pick<EgressLimits, "maxRequestBytes">,
): Verdict {
  const { method } = head;
  if (!head.target.startsWith("/"))
    return refuse("malformed_path", 400, "In a tunnel, the target of a request must be a path", method);
  let refused: Verdict | undefined;
  for (const target of pathsAt(origin, head.target, destinations)) {
    const verdict = decide({ ...head, target }, destinations.upstreams, destinations.hosts, limits);
    if ("admitted" in verdict) return verdict;
    refused ??= verdict;
  }
  const nothing =
    "No upstream has this address, and its host is not an allowed one. Without a rule, nothing is allowed";
  return refused ?? refuse("unknown_upstream", 403, nothing, method);
}

function refuse(code: string, status: number, message: string, method: string): Verdict {
  return { refusal: { code, status, message, about: { method } } };
}
