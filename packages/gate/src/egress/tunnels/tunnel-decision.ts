import { isHostName } from "../decisions/allowed-hosts.ts";
import { type AllowedDestinations, pathForHost } from "../decisions/decide-by-address.ts";
import type { TunnelTarget } from "./tunnel-connection.ts";

/** What becomes of a tunnel that a jail asks for. */
export type TunnelDecision<Authority> =
  /** Its bytes are passed on unread. */
  | { readonly way: "pass" }
  /** TLS ends in the proxy, which decides about each request in it. */
  | { readonly way: "intercept"; readonly authority: Authority }
  | { readonly way: "refuse"; readonly why: string };

/** The origin of the requests in a tunnel, written as every URL writes it. */
export function originOf({ host, port }: TunnelTarget): string {
  return new URL(`https://${host}:${port}`).origin;
}

/** How the field `host` of a request in a tunnel names the place that the tunnel leads to. */
export function namesTarget(field: string, { host, port }: TunnelTarget): boolean {
  const written = field.toLowerCase();
  return written === `${host}:${port}` || (port === 443 && written === host);
}

/**
 * Decides about a tunnel by its place alone. Where rules say more than a name, a tunnel would hide what they
 * are about: it is refused, or ends in the proxy where the jail has an authority for that.
 */
export function decideTunnel<Authority>(
  place: TunnelTarget,
  { upstreams, hosts }: AllowedDestinations,
  authority: Authority | undefined,
): TunnelDecision<Authority> {
  const why = hosts.tunnelFault(place, upstreams.values());
  if (why === undefined) return { way: "pass" };
  if (authority === undefined || !isHostName(place.host)) return { way: "refuse", why };
  const origin = originOf(place);
  const pinned = [...upstreams.values()].some(({ base }) => base.origin === origin);
  const known = pinned || hosts.upstream(pathForHost(origin, "/")) !== undefined;
  return known ? { way: "intercept", authority } : { way: "refuse", why };
}

/** The names to which tunnels may lead that end in the proxy; what is below one of them may be meant too. */
export function interceptedNames({ upstreams, hosts }: AllowedDestinations): string[] {
  const pinned = [...upstreams.values()].map(({ base }) => base.hostname).filter(isHostName);
  return [...new Set([...pinned, ...hosts.finerNames()])];
}
