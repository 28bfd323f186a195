import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import { HoldfastError } from "@holdfast/core";

/** Wildcard addresses, mapped to the loopback address of the same family. */
const wildcardToLoopback: ReadonlyMap<string, string> = new Map([
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"],
]);

/**
 * Allowed values of the Host header, in addition to the loopback ones, for a Studio that listens on `host`: that host,
 * or each address of the machine for a wildcard. The allow-list stops DNS rebinding: a rebound page still sends its
 * own host name.
 */
export function allowedHosts(host: string, addresses: () => readonly string[] = ownAddresses): string[] {
  return (wildcardToLoopback.has(host) ? addresses() : [host]).map(toUrlHost);
}

/** The origin where people open the Studio, as a browser writes it. Throws `studio.invalid_origin`. */
export function requireOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isOrigin = url !== undefined && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
  if (isOrigin && url.username === "") return url.origin;
  const message = `"${text}" is not an origin. Give scheme and host only, and the port if it is not the usual one: https://studio.example.org`;
  throw new HoldfastError("studio", "invalid_origin", message, { statusCode: 400 });
}

/** Base URL by which the same machine reaches a Studio that listens on `host`. */
export function localUrl(host: string, port: number): string {
  return `http://${toUrlHost(wildcardToLoopback.get(host) ?? host)}:${port}`;
}

function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((each) => each?.map(({ address }) => address) ?? []);
}

function toUrlHost(name: string): string {
  return isIPv6(name) ? `[${name}]` : name;
}
