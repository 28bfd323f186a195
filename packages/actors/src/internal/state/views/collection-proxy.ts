import { isStep } from "../change-location.ts";
import type { Node } from "../node.ts";
import { op } from "../patch.ts";
import { asKey, refused } from "../value.ts";
import { ViewHandler } from "./view-handler.ts";
import type { ViewTracker } from "./view-tracker.ts";

/**
 * Creates the write-through view of a map. It implements the methods itself: those of `Map` require a real map as
 * `this`.
 */
export function mapProxy(tracker: ViewTracker, node: Node): object {
  const raw = node.raw as Map<unknown, unknown>;
  return new Proxy(raw, new CollectionHandler(tracker, node, mapMethods(tracker, node, raw)));
}

/** Creates the write-through view of a set. */
export function setProxy(tracker: ViewTracker, node: Node): object {
  const raw = node.raw as Set<unknown>;
  return new Proxy(raw, new CollectionHandler(tracker, node, setMethods(tracker, node, raw)));
}

type Methods = ReadonlyMap<string | symbol, unknown>;

class CollectionHandler extends ViewHandler {
  readonly #methods: Methods;

  constructor(tracker: ViewTracker, node: Node, methods: Methods) {
    super(tracker, node);
    this.#methods = methods;
  }

  get(target: object, key: string | symbol): unknown {
    const method = this.#methods.get(key);
    if (method !== undefined) return method;
    const value: unknown = Reflect.get(target, key, target);
    if (typeof value !== "function" || key in Object.prototype) return value;
    // An unknown method could change the collection unnoticed: it receives a copy.
    return (...args: unknown[]) => Reflect.apply(value, this.#copy(), args);
  }

  #copy(): object {
    const raw = this.node.raw;
    const view = this.tracker.view(this.node);
    return raw instanceof Map ? new Map(view as typeof raw) : new Set(view as Set<unknown>);
  }

  /** A property on a collection would be lost: the codec encodes entries only. */
  set(): boolean {
    const why = "a collection with an additional property, which a state does not support";
    throw refused(why, this.tracker.pathOf(this.node));
  }

  override defineProperty(): boolean {
    return this.set();
  }
}

function mapMethods(tracker: ViewTracker, node: Node, raw: Map<unknown, unknown>): Methods {
  const show = (key: unknown, value: unknown): unknown => tracker.child(node, key, value);
  const set = (keyGiven: unknown, value: unknown): unknown => {
    tracker.writable(node);
    const rawKey = tracker.unwrapValue(keyGiven);
    const present = raw.has(rawKey);
    const before = raw.get(rawKey);
    if (present && Object.is(tracker.unwrapValue(value), before)) return tracker.view(node);
    const key = present ? rawKey : tracker.adopt(node, asKey, keyGiven, undefined);
    const stored = tracker.adopt(node, key, value, undefined);
    if (isStep(key)) tracker.recordSet(node, key, stored);
    else tracker.recordWhole(node);
    tracker.detach(before);
    raw.set(key, stored);
    return tracker.view(node);
  };
  const remove = (keyGiven: unknown): boolean => {
    tracker.writable(node);
    const key = tracker.unwrapValue(keyGiven);
    if (!raw.has(key)) return false;
    if (isStep(key)) tracker.record(node, (path) => [op.delete, [...path, key]]);
    else tracker.recordWhole(node);
    tracker.detach(raw.get(key));
    tracker.detach(key);
    return raw.delete(key);
  };
  const entries = function* (): MapIterator<[unknown, unknown]> {
    for (const [key, value] of raw) yield [show(asKey, key), show(key, value)];
  };
  return new Map<string | symbol, unknown>([
    ["get", (key: unknown) => show(tracker.unwrapValue(key), raw.get(tracker.unwrapValue(key)))],
    ["has", (key: unknown) => raw.has(tracker.unwrapValue(key))],
    ["set", set],
    ["delete", remove],
    ["clear", () => clear(tracker, node, raw)],
    ["forEach", forEach(tracker, node, entries)],
    ["entries", entries],
    [Symbol.iterator, entries],
    ["keys", () => Iterator.from(entries()).map(([key]) => key)],
    ["values", () => Iterator.from(entries()).map(([, value]) => value)],
  ]);
}

function setMethods(tracker: ViewTracker, node: Node, raw: Set<unknown>): Methods {
  const show = (item: unknown): unknown => tracker.child(node, asKey, item);
  const add = (item: unknown): unknown => {
    tracker.writable(node);
    if (raw.has(tracker.unwrapValue(item))) return tracker.view(node);
    const stored = tracker.adopt(node, asKey, item, undefined);
    tracker.record(node, (path) => [op.add, path, stored]);
    raw.add(stored);
    return tracker.view(node);
  };
  const remove = (itemGiven: unknown): boolean => {
    tracker.writable(node);
    const item = tracker.unwrapValue(itemGiven);
    if (!raw.has(item)) return false;
    if (isStep(item)) tracker.record(node, (path) => [op.delete, [...path, item]]);
    else tracker.recordWhole(node);
    tracker.detach(item);
    return raw.delete(item);
  };
  const values = function* (): SetIterator<unknown> {
    for (const item of raw) yield show(item);
  };
  const entries = function* (): SetIterator<[unknown, unknown]> {
    for (const item of values()) yield [item, item];
  };
  return new Map<string | symbol, unknown>([
    ["has", (item: unknown) => raw.has(tracker.unwrapValue(item))],
    ["add", add],
    ["delete", remove],
    ["clear", () => clear(tracker, node, raw)],
    ["forEach", forEach(tracker, node, entries)],
    ["entries", entries],
    [Symbol.iterator, values],
    ["keys", values],
    ["values", values],
  ]);
}

function clear(tracker: ViewTracker, node: Node, raw: Map<unknown, unknown> | Set<unknown>): void {
  tracker.writable(node);
  if (raw.size === 0) return;
  tracker.record(node, (path) => [op.clear, path]);
  for (const [key, value] of raw.entries()) {
    tracker.detach(key);
    tracker.detach(value);
  }
  raw.clear();
}

function forEach(tracker: ViewTracker, node: Node, entries: () => Iterable<[unknown, unknown]>) {
  return (callback: (value: unknown, key: unknown, all: object) => void, self?: unknown): void => {
    for (const [key, value] of entries()) callback.call(self, value, key, tracker.view(node));
  };
}
