import type { Node } from "./node.ts";
import { type Step, setOwn } from "./value.ts";

/** Where a change is, as the patch says it. */
export type Place =
  | { readonly type: "path"; readonly path: Step[] }
  /** In it lies what a path cannot name (an object in a set, a map's object key): it is written whole. */
  | { readonly type: "whole"; readonly node: Node }
  /** In something that this batch writes whole anyway. */
  | { readonly type: "fresh" }
  /** In something that has been taken out of the state. */
  | { readonly type: "nowhere" };

export const newPlace: Place = { type: "fresh" };
export const detachedPlace: Place = { type: "nowhere" };

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
    case "map": {
      const map = parent.raw as Map<unknown, unknown>;
      if (map.get(node.key) === node.raw) return isStep(node.key) ? node.key : inexpressible;
      return map.has(node.raw) ? inexpressible : lost;
    }
    case "set":
      return (parent.raw as Set<unknown>).has(node.raw) ? inexpressible : lost;
    case "leaf":
      return inexpressible;
  }
}

/** Puts `copy` where the object of a node lies, if that still has a place. */
export function replaceIn({ parent, key, raw }: Node, copy: object): void {
  switch (parent?.kind) {
    case "array": {
      const items = parent.raw as unknown[];
      const index = typeof key === "number" && items[key] === raw ? key : items.indexOf(raw);
      if (index !== -1) items[index] = copy;
      break;
    }
    case "map": {
      const map = parent.raw as Map<unknown, unknown>;
      if (map.get(key) === raw) map.set(key, copy);
      if (!map.has(raw)) return;
      const entries = [...map];
      map.clear();
      for (const [each, value] of entries) map.set(each === raw ? copy : each, value);
      break;
    }
    case "set": {
      const set = parent.raw as Set<unknown>;
      if (!set.has(raw)) return;
      const items = [...set];
      set.clear();
      for (const item of items) set.add(item === raw ? copy : item);
      break;
    }
    case "object":
      if (Reflect.get(parent.raw, key as string) === raw) {
        setOwn(parent.raw as Record<string, unknown>, key as string, copy);
      }
      break;
    default:
  }
}

/** True for what a path can name. */
export function isStep(key: unknown): key is Step {
  return (typeof key !== "object" || key === null) && typeof key !== "function" && typeof key !== "symbol";
}

export function stepName(key: unknown): Step {
  return isStep(key) ? key : "{}";
}
