import { HoldfastError } from "@holdfast/core";
import { hostName, isLoopback, isLoopbackOrigin } from "./http/host-name.ts";
import type { GatewayOptions } from "./options.ts";

type GuardOptions = Pick<GatewayOptions, "hosts" | "origins" | "loopbackOrigins" | "anyHost">;

/**
 * Keeps web pages of other sites out. A page that rebinds its own name to this address fails the Host check; a page
 * that calls across origins fails the Origin check, which also covers WebSockets and requests that a browser sends
 * without a preflight.
 */
export class Guard {
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;
  readonly #anyOrigin: boolean;
  readonly #loopbackOrigins: boolean;
  readonly #anyHost: boolean;
  /** Hosts that passed; bounded by the allowed names. */
  readonly #known = new Map<string, boolean>();

  constructor({ hosts = [], origins = [], loopbackOrigins = false, anyHost = false }: GuardOptions) {
    this.#loopbackOrigins = loopbackOrigins;
    this.#anyHost = anyHost;
    this.#hosts = new Set(hosts.map((host) => host.toLowerCase()));
    this.#origins = new Set(origins);
    this.#anyOrigin = this.#origins.has("*");
  }

  /** Throws `gateway.forbidden_host` or `gateway.forbidden_origin`. */
  check(host: string | undefined, origin: string | undefined): void {
    if (!this.#allowsHost(host)) {
      const message = "This Host is not served. Add its name to `hosts` to serve it";
      throw new HoldfastError("gateway", "forbidden_host", message);
    }
    if (origin !== undefined && !this.#allowsOrigin(origin, host)) {
      const message = "Pages of this Origin may not call. Add it to `origins` to allow them";
      throw new HoldfastError("gateway", "forbidden_origin", message);
    }
  }

  /** True for an origin other than the server's own, whose browser needs CORS headers. */
  isCrossOrigin(host: string | undefined, origin: string): boolean {
    return origin !== `http://${host}` && origin !== `https://${host}`;
  }

  /** False for an origin that only `"*"` allows: its pages may not send cookies. */
  trusts(host: string | undefined, origin: string): boolean {
    if (this.#origins.has(origin) || !this.isCrossOrigin(host, origin)) return true;
    return this.#loopbackOrigins && isLoopbackOrigin(origin);
  }

  #allowsHost(host: string | undefined): boolean {
    if (this.#anyHost) return true;
    if (host === undefined) return false;
    let allowed = this.#known.get(host);
    if (allowed === undefined) {
      const name = hostName(host);
      allowed = name !== undefined && (isLoopback(name) || this.#hosts.has(name));
      if (this.#known.size >= 1_000) this.#known.clear();
      this.#known.set(host, allowed);
    }
    return allowed;
  }

  #allowsOrigin(origin: string, host: string | undefined): boolean {
    return this.#anyOrigin || this.trusts(host, origin);
  }
}
