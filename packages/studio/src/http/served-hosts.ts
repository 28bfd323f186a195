import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";

/** Every address of the machine, as a program asks for it, and the one among them that leads to itself. */
const everyAddress: ReadonlyMap<string, string> = new Map([
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"],
]);

/**
 * The Hosts under which a Studio that listens at `host` is served beside the loopback ones: what was named,
 * or each address of the machine where all were. Whoever asked for it by name means to be reached there, and
 * a page that rebinds a name of its own to such an address still sends that name.
 */
export function servedHosts(host: string, addresses: () => readonly string[] = ownAddresses): string[] {
  return (everyAddress.has(host) ? addresses() : [host]).map(asHost);
}

/** The address at which a Studio that listens at `host` is reached from its own machine. */
export function reachedAt(host: string, port: number): string {
  return `http://${asHost(everyAddress.get(host) ?? host)}:${port}`;
}

function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((each) => each?.map(({ address }) => address) ?? []);
}

function asHost(name: string): string {
  return isIPv6(name) ? `[${name}]` : name;
}
