import type { Node } from "../node.ts";
import { op } from "../patch.ts";
import { refused, setOwn } from "../value.ts";
import { ViewHandler } from "./view-handler.ts";
import type { ViewTracker } from "./view-tracker.ts";

/** Creates the write-through view of a plain object. */
export function objectProxy(tracker: ViewTracker, node: Node): object {
  return new Proxy(node.raw, new ObjectHandler(tracker, node));
}

class ObjectHandler extends ViewHandler {
  /** The container that was last reached, with its view: repeated access costs no lookup. */
  #lastKey: string | symbol | undefined;
  #lastRaw: unknown;
  #lastView: unknown;

  get(target: object, key: string | symbol): unknown {
    const value: unknown = (target as Record<string | symbol, unknown>)[key];
    if (typeof value !== "object" || value === null) return value;
    if (key === this.#lastKey && value === this.#lastRaw) return this.#lastView;
    // The prototype is not part of the state.
    if (typeof key === "symbol" || (key === "__proto__" && !Object.hasOwn(target, key))) return value;
    const view = this.tracker.child(this.node, key, value);
    // A leaf has no proxy and has to be registered on each access.
    if (view !== value) {
      this.#lastKey = key;
      this.#lastRaw = value;
      this.#lastView = view;
    }
    return view;
  }

  set(target: object, key: string | symbol, value: unknown): boolean {
    const { tracker, node } = this;
    tracker.writable(node);
    if (typeof key === "symbol") throw refused("keyed by a symbol", tracker.pathOf(node));
    const owned = Object.hasOwn(target, key);
    const before: unknown = owned ? (target as Record<string, unknown>)[key] : undefined;
    if (typeof value === "object" && value !== null) {
      if (owned && tracker.unwrap(value) === before) return true;
    } else if (owned && Object.is(value, before)) return true;
    const stored = tracker.adopt(node, key, value, undefined);
    tracker.recordSet(node, key, stored);
    tracker.detach(before);
    setOwn(target as Record<string, unknown>, key, stored);
    return true;
  }

  deleteProperty(target: object, key: string | symbol): boolean {
    const { tracker, node } = this;
    tracker.writable(node);
    if (typeof key === "symbol" || !Object.hasOwn(target, key)) return true;
    const before: unknown = Reflect.get(target, key);
    tracker.record(node, (path) => [op.delete, [...path, key]]);
    tracker.detach(before);
    return Reflect.deleteProperty(target, key);
  }
}
