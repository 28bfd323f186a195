import { lookup } from "node:dns/promises";
import { BlockList, isIP, isIPv4, isIPv6 } from "node:net";
import { HoldfastError } from "@holdfast/core";

/**
 * Addresses that do not belong to another host on the internet: RFC 6890 and its registries, the metadata services of
 * clouds, and every form in which IPv6 carries an IPv4 address.
 */
const reserved = new BlockList();
for (const [address, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["168.63.129.16", 32],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
] as const)
  reserved.addSubnet(address, prefix, "ipv4");
// Of IPv6, only global unicast addresses are public; these are parts of it that are not.
const globalUnicast = new BlockList();
globalUnicast.addSubnet("2000::", 3, "ipv6");
for (const [address, prefix] of [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
] as const)
  reserved.addSubnet(address, prefix, "ipv6");

/** Whether an address belongs to another host on the internet. IPv6 addresses that embed an IPv4 one do not count. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !reserved.check(address, "ipv4");
  // A zone names an interface of this host.
  if (!isIPv6(address) || address.includes("%")) return false;
  return globalUnicast.check(address, "ipv6") && !reserved.check(address, "ipv6");
}

/** Private networks ("10.1.0.0/16") to which the operator lets names resolve. */
export class AllowedNetworks {
  readonly #list = new BlockList();

  /** Throws `egress.invalid_config`. */
  constructor(networks: readonly string[] = []) {
    for (const network of networks) {
      const [address = "", prefix = ""] = network.split("/", 2);
      const most = isIPv4(address) ? 32 : 128;
      if (isIP(address) === 0 || !/^\d{1,3}$/.test(prefix) || Number(prefix) > most) {
        throw new HoldfastError(
          "egress",
          "invalid_config",
          `${network} is not a network. Write an address and a prefix, for example 10.1.0.0/16`,
          { statusCode: 400 },
        );
      }
      this.#list.addSubnet(address, Number(prefix), isIPv4(address) ? "ipv4" : "ipv6");
    }
  }

  has(address: string): boolean {
    if (isIP(address) === 0 || address.includes("%")) return false;
    return this.#list.check(address, isIPv4(address) ? "ipv4" : "ipv6");
  }
}

/** Resolves a name to all of its addresses. */
export type Resolve = (host: string) => Promise<readonly string[]>;

const systemResolve: Resolve = async (host) =>
  (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address);

/** Resolves names that a jail chose, on the host, to addresses that may be dialled. */
export class PublicResolver {
  readonly #resolve: Resolve;
  readonly #allowed: AllowedNetworks;

  constructor(allowed: readonly string[] = [], resolve: Resolve = systemResolve) {
    this.#allowed = new AllowedNetworks(allowed);
    this.#resolve = resolve;
  }

  /**
   * The addresses to dial, without resolving the name again: an answer that changes a moment later (DNS rebinding)
   * changes nothing. Throws `egress.name_not_found`, `egress.address_refused`.
   */
  async addressesOf(host: string): Promise<readonly string[]> {
    const literal = host.replace(/^\[|\]$/g, "");
    let all: readonly string[];
    try {
      all = isIP(literal) === 0 ? await this.#resolve(host) : [literal];
    } catch (cause) {
      throw new HoldfastError("egress", "name_not_found", `${host} does not resolve to an address`, {
        statusCode: 502,
        cause,
      });
    }
    const good = all.filter((address) => isPublicAddress(address) || this.#allowed.has(address));
    if (good.length > 0) return good;
    throw new HoldfastError(
      "egress",
      "address_refused",
      `${host} resolves to no public address. Private, loopback, link-local and metadata addresses are refused`,
      { statusCode: 403 },
    );
  }
}
