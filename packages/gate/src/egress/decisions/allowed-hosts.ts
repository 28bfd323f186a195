import { isIP } from "node:net";
import { HoldfastError } from "@holdfast/core";
import type { EgressAllowRule, EgressHost } from "../egress.ts";
import type { CheckedUpstream } from "./upstreams.ts";
import { checkPath } from "./upstreams.ts";

/** The first segment of a path that names a host: "/web/https/example.com/path". */
export const allowedHostSegment = "web";

interface Place {
  readonly host: string;
  readonly port: number;
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("egress", "invalid_upstream", message, { statusCode: 400 });
}

/** The hosts that a jail may name itself. An empty list means none. */
export class AllowedHosts {
  readonly #hosts: readonly EgressHost[];

  /** Throws `egress.invalid_upstream`. */
  constructor(hosts: readonly EgressHost[] = []) {
    for (const { host, ports = [], methods = [], pathPrefix } of hosts) {
      const name = host.startsWith("*.") ? host.slice(2) : host;
      if (!isHostName(name) || (host.startsWith("*.") && !name.includes(".")))
        throw invalid(`Not a host that can be allowed: ${host}`);
      if (!ports.every((port) => Number.isInteger(port) && port > 0 && port < 65_536))
        throw invalid(`A port of ${host} is none`);
      if (
        !methods.every((method) => /^[A-Z]{1,20}$/.test(method) && method !== "CONNECT" && method !== "TRACE")
      )
        throw invalid(`A method of ${host} cannot be allowed`);
      if (pathPrefix !== undefined && checkPath(pathPrefix) !== undefined)
        throw invalid(`The path of ${host} is not normal`);
    }
    this.#hosts = hosts;
  }

  /** The rules that are about this place. */
  #about({ host, port }: Place): readonly EgressHost[] {
    return this.#hosts.filter((each) => {
      const named = each.host.startsWith("*.")
        ? host.endsWith(each.host.slice(1)) && host.length > each.host.length - 1
        : host === each.host;
      return named && (each.ports ?? [443]).includes(port);
    });
  }

  /**
   * The upstream that "/web/https/example.com/path" means, with the rules that are about it; undefined
   * when the address is none or nothing is about it.
   */
  upstream(target: string): { readonly upstream: CheckedUpstream; readonly path: string } | undefined {
    const match = /^\/web\/(https?)\/([a-z0-9.-]+)(?::(\d{1,5}))?(\/.*)?$/.exec(target);
    if (match === null) return undefined;
    const [, scheme = "https", host = "", written, path = "/"] = match;
    if (!isHostName(host)) return undefined;
    const usual = scheme === "https" ? 443 : 80;
    const port = written === undefined ? usual : Number(written);
    const rules = this.#about({ host, port });
    if (rules.length === 0) return undefined;
    const place = written === undefined ? host : `${host}:${written}`;
    const base = new URL(`${scheme}://${place}`);
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
        name: `${allowedHostSegment}/${scheme}/${place}`,
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

  /** Each as it is written, with the ports that are not the usual one. */
  names(): string[] {
    const places = this.#hosts.flatMap(({ host, ports = [443] }) =>
      ports.map((port) => (port === 443 ? host : `${host}:${port}`)),
    );
    return [...new Set(places)];
  }

  /** The names, each with those below it, of which a rule says more than that they are open. */
  finerNames(): string[] {
    return this.#hosts.filter(isFiner).map(({ host }) => host.replace(/^\*\./, ""));
  }

  /** Whether what this place says was written by others. */
  outside(place: Place): boolean {
    return !this.#about(place).every(({ trusted }) => trusted === true);
  }

  /** Where a redirect leads, as the jail would ask for it; undefined where it may not. */
  pathOf(url: URL): string | undefined {
    if (url.username !== "" || (url.protocol !== "https:" && url.protocol !== "http:")) return undefined;
    const path = `/${allowedHostSegment}/${url.protocol.slice(0, -1)}/${url.host}${url.pathname}`;
    return this.upstream(path) === undefined ? undefined : `${path}${url.search}`;
  }

  /**
   * Why a tunnel to this place is refused, or undefined. In a tunnel nothing but the name can be seen,
   * so that a host with any finer rule can only be reached by the reverse proxy.
   */
  tunnelFault(place: Place, pinned: Iterable<CheckedUpstream>): string | undefined {
    if (!isHostName(place.host)) return "a tunnel leads to a name";
    const rules = this.#about(place);
    if (rules.length === 0)
      return `${place.host}:${place.port} is not allowed; an upstream is asked by its path`;
    if (rules.some(isFiner))
      return `${place.host} has rules for methods, paths or credentials, which a tunnel would hide`;
    for (const { base, name } of pinned)
      if (base.hostname === place.host) return `${place.host} is reached as the upstream ${name}`;
    return undefined;
  }
}

/** True where a rule says more than which host, so that a tunnel would hide what it is about. */
function isFiner({ methods, pathPrefix, credential }: EgressHost): boolean {
  return methods !== undefined || pathPrefix !== undefined || credential !== undefined;
}

/** A name in lower case. Addresses have no name to check, so they are none. */
export function isHostName(host: string): boolean {
  if (host.length > 253 || isIP(host) !== 0 || /^[\d.]+$|(?:^|\.)0x[\da-f]*$|\.\d+$/.test(host)) return false;
  return host.split(".").every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label));
}
