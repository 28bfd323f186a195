import type { HostPort } from "../decisions/allowed-hosts.ts";
import { isHostName } from "../decisions/allowed-hosts.ts";
import { type AllowedDestinations, pathForHost } from "../decisions/decide-by-address.ts";

/** Decision about a tunnel that a jail requests. */
export type TunnelDecision<Authority> =
  /** Its bytes are passed on unread. */
  | { readonly action: "pass" }
  /** TLS ends in the proxy, which decides about each request in it. */
  | { readonly action: "intercept"; readonly authority: Authority }
  | { readonly action: "refuse"; readonly reason: string };

/** The origin of the requests in a tunnel, as `URL` writes it. */
export function originOf({ host, port }: HostPort): string {
  return new URL(`https://${host}:${port}`).origin;
}

/** Whether the `host` field of a request in a tunnel names the target of the tunnel. */
export function namesTarget(field: string, { host, port }: HostPort): boolean {
  const written = field.toLowerCase();
  return written === `${host}:${port}` || (port === 443 && written === host);
}

/**
 * Decides about a tunnel by its target alone. Where rules restrict more than the name, a tunnel would hide what they
 * are about: it is refused, or intercepted where the jail has a certificate authority.
 */
export function decideTunnel<Authority>(
  target: HostPort,
  { upstreams, hosts }: AllowedDestinations,
  authority: Authority | undefined,
): TunnelDecision<Authority> {
  const reason = hosts.tunnelFault(target, upstreams.values());
  if (reason === undefined) return { action: "pass" };
  if (authority === undefined || !isHostName(target.host)) return { action: "refuse", reason };
  const origin = originOf(target);
  const pinned = [...upstreams.values()].some(({ base }) => base.origin === origin);
  const known = pinned || hosts.upstream(pathForHost(origin, "/")) !== undefined;
  return known ? { action: "intercept", authority } : { action: "refuse", reason };
}

/** The names of the hosts whose tunnels are intercepted. A name also stands for the names below it. */
export function interceptedNames({ upstreams, hosts }: AllowedDestinations): string[] {
  const pinned = [...upstreams.values()].map(({ base }) => base.hostname).filter(isHostName);
  return [...new Set([...pinned, ...hosts.restrictedNames()])];
}
