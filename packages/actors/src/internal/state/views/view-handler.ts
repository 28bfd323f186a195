import type { Node } from "../node.ts";
import { refused } from "../value.ts";
import type { ViewTracker } from "./view-tracker.ts";

/** Proxy traps that all views share. */
export abstract class ViewHandler implements ProxyHandler<object> {
  readonly tracker: ViewTracker;
  readonly node: Node;

  constructor(tracker: ViewTracker, node: Node) {
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

  /** The key of a property, as its parent stores it. */
  protected key(key: string): string | number {
    return key;
  }

  abstract set(target: object, key: string | symbol, value: unknown): boolean;

  /** An ordinary property is assigned; one that could not be stored unchanged is rejected. */
  defineProperty(target: object, key: string | symbol, descriptor: PropertyDescriptor): boolean {
    const existing = Reflect.getOwnPropertyDescriptor(target, key);
    const { enumerable, configurable, writable } = { ...existing, ...descriptor };
    const computed = descriptor.get !== undefined || descriptor.set !== undefined;
    if (computed || enumerable !== true || configurable !== true || writable !== true) {
      const why = "given a computed, hidden or read-only property, which a state does not take";
      throw refused(why, this.tracker.pathOf(this.node));
    }
    if (existing !== undefined && !("value" in descriptor)) return true;
    return this.set(target, key, descriptor.value);
  }

  setPrototypeOf(): boolean {
    throw refused("given a prototype, which a state does not take", this.tracker.pathOf(this.node));
  }

  preventExtensions(): boolean {
    throw refused("frozen or sealed, which a state does not take", this.tracker.pathOf(this.node));
  }
}
