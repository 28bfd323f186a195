import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { HoldfastError } from "@holdfast/core";
import { type NodeRouteName, nodeRouteRules, type RouteName, routeRules } from "../access/route-rules.ts";

/** The parts of a path that its pattern names; `*` is the rest, without the slash before it. */
export type RouteParams = Readonly<Record<string, string>>;

export interface RouteMatch<Name extends string = RouteName> {
  readonly name: Name;
  readonly params: RouteParams;
}

interface Pattern<Name extends string> {
  readonly name: Name;
  readonly method: string;
  readonly path: string;
  readonly expression: RegExp;
}

function patternsOf<Name extends string>(table: Readonly<Record<Name, unknown>>): readonly Pattern<Name>[] {
  return (Object.keys(table) as Name[]).map((name) => {
    const [method = "", path = ""] = name.split(" ");
    const source = path
      .replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&")
      .replaceAll(/:(\w+)/g, "(?<$1>[^/]+)")
      .replace("*", "(?<rest>.*)");
    return { name, method, path, expression: new RegExp(`^${source}$`) };
  });
}

const patterns = patternsOf<RouteName>(routeRules);
const nodePatterns = patternsOf<NodeRouteName>(nodeRouteRules);

/**
 * The first route of the table whose path matches, with this method; HEAD counts as GET. Throws `gateway.not_found`,
 * and `gateway.method_not_allowed` if the path has other methods.
 */
export function matchRoute(method: string, path: string): RouteMatch {
  return match(patterns, method, path);
}

/** The same of the table of routes between nodes. */
export function matchNodeRoute(method: string, path: string): RouteMatch<NodeRouteName> {
  return match(nodePatterns, method, path);
}

function match<Name extends string>(
  patterns: readonly Pattern<Name>[],
  method: string,
  path: string,
): RouteMatch<Name> {
  const wanted = method === "HEAD" ? "GET" : method;
  const isUpgrade = wanted === "UPGRADE";
  const candidates = patterns.filter((each) => (each.method === "UPGRADE") === isUpgrade);
  const first = candidates.find(({ expression }) => expression.test(path));
  if (first === undefined)
    throw new HoldfastError("gateway", "not_found", "There is nothing at this address");
  const samePath = candidates.filter((each) => each.path === first.path);
  const found = samePath.find((each) => each.method === wanted);
  if (found === undefined) {
    const methods = samePath.map((each) => each.method).join(", ");
    const message = `This address supports only ${methods}`;
    throw new HoldfastError("gateway", "method_not_allowed", message);
  }
  return { name: found.name, params: { ...found.expression.exec(path)?.groups } };
}

/** Reads a header of a request, by its lower-case name. */
export function headersOf(request: IncomingMessage): { header(name: string): string | undefined } {
  return {
    header: (name) => {
      const value = request.headers[name];
      return Array.isArray(value) ? value.join(", ") : value;
    },
  };
}

/** Ends a socket or a response when the signal is aborted. */
export function endWith(signal: AbortSignal | undefined, stream: Duplex | ServerResponse): void {
  if (signal === undefined) return;
  const end = () => void stream.destroy();
  if (signal.aborted) return end();
  signal.addEventListener("abort", end, { once: true });
  stream.once("close", () => signal.removeEventListener("abort", end));
}
