import type { Node } from "./node.ts";
import { type Step, setOwn } from "./value.ts";

/** Position of a change in the state, in the terms of a patch. */
export type ChangeLocation =
  | { readonly type: "path"; readonly path: Step[] }
  /** In it lies what a path cannot name (an object in a set, a map's object key): it is written whole. */
  | { readonly type: "whole"; readonly node: Node }
  /** In something that this batch writes whole anyway. */
  | { readonly type: "fresh" }
  /** In something that has been taken out of the state. */
  | { readonly type: "nowhere" };

export const freshLocation: ChangeLocation = { type: "fresh" };
export const detachedLocation: ChangeLocation = { type: "nowhere" };

export const unaddressable = Symbol("inexpressible");
export const detached = Symbol("lost");

/** The path step from a container to one of its items. */
export function stepIn(parent: Node, node: Node): Step | typeof unaddressable | typeof detached {
  switch (parent.kind) {
    case "array": {
      const items = parent.raw as unknown[];
      if (typeof node.key === "number" && items[node.key] === node.raw) return node.key;
      const index = items.indexOf(node.raw);
      if (index === -1) return detached;
      node.key = index;
      return index;
    }
    case "object":
      return typeof node.key === "string" && Reflect.get(parent.raw, node.key) === node.raw
        ? node.key
        : detached;
    case "map": {
      const map = parent.raw as Map<unknown, unknown>;
      if (map.get(node.key) === node.raw) return isStep(node.key) ? node.key : unaddressable;
      return map.has(node.raw) ? unaddressable : detached;
    }
    case "set":
      return (parent.raw as Set<unknown>).has(node.raw) ? unaddressable : detached;
    case "leaf":
      return unaddressable;
  }
}

/** Replaces the object of a node by `copy` in its container, if the object is still there. */
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

/** True for keys that a path can contain. */
export function isStep(key: unknown): key is Step {
  return (typeof key !== "object" || key === null) && typeof key !== "function" && typeof key !== "symbol";
}

export function stepName(key: unknown): Step {
  return isStep(key) ? key : "{}";
}
