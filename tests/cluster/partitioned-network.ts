/**
 * A network of namespaces that can be partitioned: hosts on a bridge, with nothing but iproute2. A packet that must not
 * arrive is sent to a hardware address that nobody has, so it is lost in silence, in one direction, as on a broken
 * network. Nothing leaves the namespaces.
 */
import { spawnSync } from "node:child_process";

/** Where the database and the clients are; each has an address of its own, so that each can be cut off. */
export const clientAddress = "10.77.0.1";
export const databaseAddress = "10.77.0.2";
const nowhere = "02:00:00:00:00:fe";

/** Why there can be no such network here; undefined if there can. */
export function namespacesMissing(): string | undefined {
  if (process.getuid?.() !== 0) return "only root can create network namespaces";
  const probe = `holdfast-probe-${process.pid}`;
  const made = spawnSync("ip", ["netns", "add", probe], { encoding: "utf8" });
  if (made.error !== undefined) return "iproute2 is not installed. Run: sudo apt-get install -y iproute2";
  if (made.status !== 0) return `network namespaces cannot be created: ${made.stderr.trim()}`;
  const bridge = spawnSync("ip", ["-n", probe, "link", "add", "br0", "type", "bridge"], { encoding: "utf8" });
  spawnSync("ip", ["netns", "delete", probe]);
  return bridge.status === 0 ? undefined : `bridges cannot be created: ${bridge.stderr.trim()}`;
}

export function ip(...args: readonly string[]): void {
  const result = spawnSync("ip", args, { encoding: "utf8" });
  if (result.status !== 0) throw new Error(`ip ${args.join(" ")}: ${result.stderr}`);
}

/** A host of a node. */
export interface Host {
  readonly namespace: string;
  readonly address: string;
}

export interface PartitionedNetwork {
  /** Namespace of the database and the clients. */
  readonly hub: string;
  readonly hosts: readonly Host[];
  remove(): void;
}

export function createNetwork(hosts: number): PartitionedNetwork {
  const prefix = `holdfast-${process.pid}`;
  const hub = `${prefix}-hub`;
  const all = [hub];
  const remove = (): void => {
    for (const name of all) spawnSync("ip", ["netns", "delete", name]);
  };
  try {
    ip("netns", "add", hub);
    ip("-n", hub, "link", "set", "lo", "up");
    ip("-n", hub, "link", "add", "br0", "type", "bridge");
    // The first address is that of clients: connections go out from it.
    for (const address of [clientAddress, databaseAddress]) {
      ip("-n", hub, "address", "add", `${address}/24`, "dev", "br0");
    }
    ip("-n", hub, "link", "set", "br0", "up");
    const made = Array.from({ length: hosts }, (_, at) => {
      const namespace = `${prefix}-${at}`;
      all.push(namespace);
      ip("netns", "add", namespace);
      ip("-n", namespace, "link", "set", "lo", "up");
      ip(
        ...["-n", hub, "link", "add", `port${at}`, "type", "veth"],
        ...["peer", "name", "eth0", "netns", namespace],
      );
      ip("-n", hub, "link", "set", `port${at}`, "master", "br0", "up");
      const address = `10.77.0.${10 + at}`;
      ip("-n", namespace, "address", "add", `${address}/24`, "dev", "eth0");
      ip("-n", namespace, "link", "set", "eth0", "up");
      return { namespace, address };
    });
    return { hub, hosts: made, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

/** From now on, what this host sends to the address is lost. */
export function cut({ namespace }: Host, address: string): void {
  ip(
    ...["-n", namespace, "neighbour", "replace", address, "lladdr", nowhere],
    ...["dev", "eth0", "nud", "permanent"],
  );
}

export function heal({ namespace }: Host, address: string): void {
  ip("-n", namespace, "neighbour", "delete", address, "dev", "eth0");
}
