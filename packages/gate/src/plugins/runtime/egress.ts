import type { ServerConnection } from "./api.ts";
import { startForwarder } from "./forwarder.ts";
import type { StartMessage } from "./messages.ts";

/**
 * Opens the plugin's way out and teaches `fetch` about it, so that a handler uses the addresses that it
 * declared. Returns the base URL of each upstream on the loopback.
 */
export async function openEgress(egress: StartMessage["egress"]): Promise<Record<string, string>> {
  const bases = new Map<string, string>();
  const byName: Record<string, string> = {};
  if (egress !== undefined) {
    const port = await startForwarder(egress.socketPath);
    for (const { name, url } of egress.upstreams) {
      const local = `http://127.0.0.1:${port}/${name}`;
      byName[name] = local;
      bases.set(baseOf(url), local);
    }
    if (egress.hosts === true) {
      const local = `http://127.0.0.1:${port}/web`;
      byName["web"] = local;
      installFetch(bases, local);
      return byName;
    }
  }
  installFetch(bases);
  return byName;
}

/** Opens a loopback port for each server that the operator granted. */
export async function openConnections(
  connections: StartMessage["connections"] = [],
): Promise<Record<string, ServerConnection>> {
  const byName: Record<string, ServerConnection> = {};
  for (const { name, host, port, socketPath } of connections) {
    byName[name] = { host, port, localPort: await startForwarder(socketPath) };
  }
  return byName;
}

/** Normalised like `fetch` does: lower-case host, no default port. */
function baseOf(url: string): string {
  return new URL(url).href.replace(/\/+$/, "");
}

/**
 * Loopback address for `url`, or undefined if no egress was declared for it. With `web` (the operator opened hosts),
 * all other addresses go to the proxy, which decides.
 */
function localAddress(url: string, bases: ReadonlyMap<string, string>, web?: string): string | undefined {
  // If several match, the longest: it can allow what a shorter one does not.
  for (const [base, local] of [...bases].sort(([one], [other]) => other.length - one.length)) {
    if (url === base) return local;
    if (url.startsWith(`${base}/`) || url.startsWith(`${base}?`)) return local + url.slice(base.length);
  }
  for (const local of [...bases.values(), ...(web === undefined ? [] : [web])])
    if (url === local || url.startsWith(`${local}/`)) return url;
  if (web === undefined) return undefined;
  const { protocol, host, pathname, search } = new URL(url);
  return protocol === "https:" || protocol === "http:"
    ? `${web}/${protocol.slice(0, -1)}/${host}${pathname}${search}`
    : undefined;
}

function installFetch(bases: ReadonlyMap<string, string>, web?: string): void {
  const real = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const local = localAddress(request.url, bases, web);
    if (local === undefined) {
      throw new TypeError(`fetch failed: the manifest declares no egress to ${new URL(request.url).origin}`);
    }
    return real(new Request(local, request));
  };
}
