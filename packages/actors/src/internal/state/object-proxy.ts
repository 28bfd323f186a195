import { op } from "./patch.ts";
import type { Node, Tracker } from "./tracker.ts";
import { refused, setOwn } from "./value.ts";

/** A write-through view of a plain object. */
export function objectProxy(tracker: Tracker, node: Node): object {
  return new Proxy(node.raw, new ObjectHandler(tracker, node));
}

/** Traps that every view shares. */
export class ViewHandler implements ProxyHandler<object> {
  protected readonly tracker: Tracker;
  protected readonly node: Node;

  constructor(tracker: Tracker, node: Node) {
    this.tracker = tracker;
    this.node = node;
  }

  getOwnPropertyDescriptor(target: object, key: string | symbol): PropertyDescriptor | undefined {
    const descriptor = Reflect.getOwnPropertyDescriptor(target, key);
    if (descriptor !== undefined && typeof descriptor.value === "object" && typeof key === "string") {
      descriptor.value = this.tracker.child(this.node, this.key(key), descriptor.value);
    }
    return descriptor;
  }

  /** The key of a property as the parent of its value knows it. */
  protected key(key: string): string | number {
    return key;
  }

  defineProperty(): boolean {
    throw refused("changed with defineProperty, which a state does not take", this.tracker.pathOf(this.node));
  }

  setPrototypeOf(): boolean {
    throw refused("given a prototype, which a state does not take", this.tracker.pathOf(this.node));
  }

  preventExtensions(): boolean {
    throw refused("frozen or sealed, which a state does not take", this.tracker.pathOf(this.node));
  }
}

class ObjectHandler extends ViewHandler {
  get(target: object, key: string | symbol): unknown {
    const value: unknown = Reflect.get(target, key);
    if (typeof value !== "object" || value === null || typeof key === "symbol") return value;
    // The prototype is no part of the state.
    if (key === "__proto__" && !Object.hasOwn(target, key)) return value;
    return this.tracker.child(this.node, key, value);
  }

  set(target: object, key: string | symbol, value: unknown): boolean {
    const { tracker, node } = this;
    tracker.writable(node);
    if (typeof key === "symbol") throw refused("keyed by a symbol", tracker.pathOf(node));
    const owned = Object.hasOwn(target, key);
    const before: unknown = owned ? Reflect.get(target, key) : undefined;
    const same =
      typeof value === "object" && value !== null
        ? tracker.unwrap(value) === before
        : Object.is(value, before);
    if (owned && same) return true;
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
