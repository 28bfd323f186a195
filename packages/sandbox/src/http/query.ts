import type { IncomingMessage } from "node:http";

import { invalid } from "./problem.ts";

/**
 * Query of a request that rejects duplicates when a parameter is read, as the peer does. Duplicates of parameters that
 * no handler reads are ignored.
 */
export class Query extends URLSearchParams {
  /** Throws `invalid_request` for a duplicate parameter. */
  override get(name: string): string | null {
    const [value, another] = this.getAll(name);
    if (another !== undefined) throw invalid(`query parameter '${name}' is given more than once`);
    return value ?? null;
  }
}

/**
 * Converts an absolute-form target, which clients send to a proxy, to origin form. Its authority replaces the Host
 * header (RFC 9112, 3.2.2).
 */
export function toOriginForm(request: IncomingMessage): void {
  const [prefix, authority] = /^https?:\/\/([^/?#]+)/i.exec(request.url ?? "") ?? [];
  if (prefix === undefined || authority === undefined) return;
  const rest = request.url?.slice(prefix.length) ?? "";
  request.url = rest.startsWith("/") ? rest : `/${rest}`;
  request.headers.host = authority;
}

/** The path of a request and its query. */
export function splitTarget(request: IncomingMessage): { readonly path: string; readonly query: Query } {
  const target = request.url ?? "/";
  const cut = target.indexOf("?");
  if (cut === -1) return { path: target, query: new Query() };
  return { path: target.slice(0, cut), query: new Query(target.slice(cut + 1)) };
}
