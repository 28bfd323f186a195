import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";

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
