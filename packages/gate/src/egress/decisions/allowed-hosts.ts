import { isIP } from "node:net";
import { HoldfastError } from "@holdfast/core";
import type { EgressAllowRule, EgressHost } from "../egress.ts";
import { type CheckedUpstream, checkPath } from "./upstreams.ts";

/** The first segment of a path that names a host: "/web/https/example.com/path". */
export const allowedHostSegment = "web";

/** A name and a port of the network. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("egress", "invalid_upstream", message, { statusCode: 400 });
}

/** The hosts that a jail may name by itself, in a path or a tunnel. An empty list allows none. */
export class AllowedHosts {
  readonly #hosts: readonly EgressHost[];

  /** Throws `egress.invalid_upstream`. */
  constructor(hosts: readonly EgressHost[] = []) {
    for (const { host, ports = [], methods = [], pathPrefix } of hosts) {
      const name = host.startsWith("*.") ? host.slice(2) : host;
      if (!isHostName(name) || (host.startsWith("*.") && !name.includes(".")))
        throw invalid(`${host} is not a host name in lower case, or "*." and one`);
      if (!ports.every((port) => Number.isInteger(port) && port > 0 && port < 65_536))
        throw invalid(`A port of ${host} is not a number from 1 to 65535`);
      if (
        !methods.every((method) => /^[A-Z]{1,20}$/.test(method) && method !== "CONNECT" && method !== "TRACE")
      )
        throw invalid(`A method of ${host} is not an upper-case HTTP method, or is CONNECT or TRACE`);
      if (pathPrefix !== undefined && checkPath(pathPrefix) !== undefined)
        throw invalid(`The pathPrefix of ${host} is not a plain, normalised path`);
    }
    this.#hosts = hosts;
  }

  /** The rules whose host and port match. */
  #rulesFor({ host, port }: HostPort): readonly EgressHost[] {
    return this.#hosts.filter((each) => {
      const named = each.host.startsWith("*.")
        ? host.endsWith(each.host.slice(1)) && host.length > each.host.length - 1
        : host === each.host;
      return named && (each.ports ?? [443]).includes(port);
    });
  }

  /**
   * The upstream for a path such as "/web/https/example.com/path", with the rules that match it; undefined for
   * another kind of path, or where no rule matches.
   */
  upstream(target: string): { readonly upstream: CheckedUpstream; readonly path: string } | undefined {
    const match = /^\/web\/(https?)\/([a-z0-9.-]+)(?::(\d{1,5}))?(\/.*)?$/.exec(target);
    if (match === null) return undefined;
    const [, scheme = "https", host = "", written, path = "/"] = match;
    if (!isHostName(host)) return undefined;
    const defaultPort = scheme === "https" ? 443 : 80;
    const port = written === undefined ? defaultPort : Number(written);
    const rules = this.#rulesFor({ host, port });
    if (rules.length === 0) return undefined;
    const authority = written === undefined ? host : `${host}:${written}`;
    const base = new URL(`${scheme}://${authority}`);
    const allow = rules.map(
      ({ methods = ["GET", "HEAD"], pathPrefix = "/", credential }): EgressAllowRule => ({
        methods,
        pathPrefix,
        ...(credential === undefined ? {} : { credential }),
      }),
    );
    return {
      path,
      upstream: {
        name: `${allowedHostSegment}/${scheme}/${authority}`,
        baseUrl: base.href,
        provider: "none",
        allow,
        credential: { kind: "none" },
        publicOnly: true,
        outside: this.outside({ host, port }),
        base,
        basePath: "",
      },
    };
  }

  /** The hosts as the rules write them, with each port other than 443. */
  names(): string[] {
    const places = this.#hosts.flatMap(({ host, ports = [443] }) =>
      ports.map((port) => (port === 443 ? host : `${host}:${port}`)),
    );
    return [...new Set(places)];
  }

  /** Names of the hosts whose rules restrict methods, paths or credentials; a name stands for those below it too. */
  restrictedNames(): string[] {
    return this.#hosts.filter(isRestricted).map(({ host }) => host.replace(/^\*\./, ""));
  }

  /** Whether answers of this host are untrusted content, which taints the session. */
  outside(target: HostPort): boolean {
    return !this.#rulesFor(target).every(({ trusted }) => trusted === true);
  }

  /** The proxy path for the target of a redirect; undefined where the jail may not follow it. */
  pathOf(url: URL): string | undefined {
    if (url.username !== "" || (url.protocol !== "https:" && url.protocol !== "http:")) return undefined;
    const path = `/${allowedHostSegment}/${url.protocol.slice(0, -1)}/${url.host}${url.pathname}`;
    return this.upstream(path) === undefined ? undefined : `${path}${url.search}`;
  }

  /**
   * Why a tunnel to this host is refused, or undefined. A tunnel hides everything but the name, so a host with
   * restricting rules can be reached through the reverse proxy only.
   */
  tunnelFault(target: HostPort, pinned: Iterable<CheckedUpstream>): string | undefined {
    if (!isHostName(target.host)) return "a tunnel must name a host, not an address";
    const rules = this.#rulesFor(target);
    if (rules.length === 0)
      return `${target.host}:${target.port} is not an allowed host. Reach an upstream by its path instead`;
    if (rules.some(isRestricted))
      return `${target.host} has rules for methods, paths or credentials, which a tunnel would hide`;
    for (const { base, name } of pinned)
      if (base.hostname === target.host) return `${target.host} is reached as the upstream ${name}`;
    return undefined;
  }
}

/** True if a rule restricts more than the host, which a tunnel would hide. */
function isRestricted({ methods, pathPrefix, credential }: EgressHost): boolean {
  return methods !== undefined || pathPrefix !== undefined || credential !== undefined;
}

/** Whether this is a DNS name in lower case. IP addresses, in any notation, are not. */
export function isHostName(host: string): boolean {
  if (host.length > 253 || isIP(host) !== 0 || /^[\d.]+$|(?:^|\.)0x[\da-f]*$|\.\d+$/.test(host)) return false;
  return host.split(".").every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label));
}
