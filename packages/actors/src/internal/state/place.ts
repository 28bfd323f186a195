import type { Node } from "./tracker.ts";
import type { Step } from "./value.ts";

/** Where a change is, as the patch says it. */
export type Place =
  | { readonly type: "path"; readonly path: Step[] }
  /** In it lies what a path cannot name (an object in a set, a map's object key): it is written whole. */
  | { readonly type: "whole"; readonly node: Node }
  /** In something that this batch writes whole anyway. */
  | { readonly type: "fresh" }
  /** In something that has been taken out of the state. */
  | { readonly type: "nowhere" };

export const fresh: Place = { type: "fresh" };
export const nowhere: Place = { type: "nowhere" };

export const inexpressible = Symbol("inexpressible");
export const lost = Symbol("lost");

/** The step from a container to what lies in it. */
export function stepIn(parent: Node, node: Node): Step | typeof inexpressible | typeof lost {
  switch (parent.kind) {
    case "array": {
      const items = parent.raw as unknown[];
      if (typeof node.key === "number" && items[node.key] === node.raw) return node.key;
      const index = items.indexOf(node.raw);
      if (index === -1) return lost;
      node.key = index;
      return index;
    }
    case "object":
      return typeof node.key === "string" && Reflect.get(parent.raw, node.key) === node.raw ? node.key : lost;
    case "map":
      return isStep(node.key) ? node.key : inexpressible;
    case "set":
    case "leaf":
      return inexpressible;
  }
}

/** True for what a path can name. */
export function isStep(key: unknown): key is Step {
  return (typeof key !== "object" || key === null) && typeof key !== "function" && typeof key !== "symbol";
}

export function stepName(key: unknown): Step {
  return isStep(key) ? key : "{}";
}
