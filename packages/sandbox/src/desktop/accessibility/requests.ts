import { invalid } from "../../http/problem.ts";
import { invalidAction } from "../errors.ts";
import { Body, queryFlag, queryNumber } from "../requests.ts";
import type { NodeTarget } from "./accessibility.ts";
import type { TreeOptions } from "./tree.ts";

const defaultNodes = 2_000;
const maxNodes = 10_000;
const maxTimeoutMs = 30_000;

/** Parses the query of `GET /v1/desktop/tree`. */
export function parseTree(query: URLSearchParams): TreeOptions {
  return {
    maxNodes: queryNumber(query, "maxNodes", 1, maxNodes, true) ?? defaultNodes,
    showHidden: queryFlag(query, "showHidden"),
  };
}

/** Parses the element that a click names: by `id`, or by `name` with an optional `role`. */
export function parseTarget(value: unknown): NodeTarget {
  const body = new Body(value);
  const [id, name, role] = ["id", "name", "role"].map((member) => body.optionalText(member));
  if (id !== undefined) {
    if (name !== undefined || role !== undefined)
      throw invalidAction("id stands alone, without name and role");
    return { id };
  }
  if (name === undefined) throw invalid("id or name is missing", 422);
  if (name.trim() === "") throw invalidAction("name must not be empty");
  return { name, role };
}

/** How long a click waits for the element. */
export function parseTimeout(value: unknown): number {
  return new Body(value).optionalInteger("timeoutMs", 0, maxTimeoutMs) ?? 0;
}
