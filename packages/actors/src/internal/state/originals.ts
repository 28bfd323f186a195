import type { Node } from "./node.ts";
import type { Operation } from "./patch.ts";
import { op } from "./patch.ts";
import { type CopyObserver, type Kind, kindOf, setOwn } from "./value.ts";

/**
 * Values assigned by user code since the last commit that are part of the state themselves: `(c.state.lists[id] ??=
 * []).push(item)` changes the same array that it assigned. `settle` replaces each by a copy; later changes of the
 * original have no effect.
 */
export class Originals {
  /** Created on the first assignment: most turns change only numbers and strings. */
  #roots: Set<Node> | undefined;

  get isEmpty(): boolean {
    return this.#roots === undefined;
  }

  add(node: Node): void {
    this.#roots ??= new Set();
    this.#roots.add(node);
  }

  /** True for an original and for every object within one. */
  has(node: Node): boolean {
    for (let at: Node | undefined = node; at !== undefined; at = at.parent) {
      if (this.#roots?.has(at)) return true;
    }
    return false;
  }

  drop(node: Node): void {
    if (this.#roots?.delete(node) === true && this.#roots.size === 0) this.#roots = undefined;
  }

  clear(): void {
    this.#roots = undefined;
  }

  /** Returns all originals and forgets them. */
  take(): Iterable<Node> {
    const roots = this.#roots ?? [];
    this.#roots = undefined;
    return roots;
  }
}

const forwards = new WeakMap<object, Forward>();

/**
 * Node's `inspect` and `console.log` bypass a proxy and read its target, which is empty here. This method, found only
 * on the target, returns the view's content to them.
 */
const inspectMethod = {
  [Symbol.for("nodejs.util.inspect.custom")](this: object): unknown {
    return forwards.get(this)?.view;
  },
};

/** Creates the view of an original; its target can be redirected later. */
export function forwardingView(view: object, raw: object): object {
  const forward = new Forward(view);
  const proxy = new Proxy(Object.assign(emptyLike(raw), inspectMethod), forward);
  forwards.set(proxy, forward);
  return proxy;
}

/** Redirects a view of an original to `view`. Returns false for any other view. */
export function redirectView(proxy: object, view: object): boolean {
  const forward = forwards.get(proxy);
  if (forward !== undefined) forward.view = view;
  return forward !== undefined;
}

/**
 * True if the object already belonged to the state before it was placed into an original: existing views of it stay
 * valid. All views of an original itself can be redirected.
 */
export function isOwn({ kind, proxy }: Node): boolean {
  return kind !== "leaf" && proxy !== undefined && !forwards.has(proxy);
}

/** A node with its new object and the position of that object. */
interface Moved {
  readonly node: Node;
  readonly copy: object;
  readonly key: unknown;
}

/**
 * Observes the copying of an original. Dates and bytes that user code holds as part of the state are moved, not
 * copied, as are objects that already belong to the state. An object at several positions of an original keeps one
 * node; the other positions get separate copies.
 */
export class CopyLog implements CopyObserver {
  /** Objects of the state itself that are now part of both the original and the copy. */
  readonly kept: Node[] = [];
  /** Nodes of copied objects. */
  readonly moved: Moved[] = [];
  readonly #root: Node;
  readonly #nodeOf: (raw: object) => Node | undefined;
  readonly #placed = new Set<Node>();

  constructor(root: Node, nodeOf: (raw: object) => Node | undefined) {
    this.#root = root;
    this.#nodeOf = nodeOf;
  }

  decide(item: object, kind: Kind, within: object | undefined, key: unknown): "same" | "followed" | "apart" {
    const node = this.#nodeOf(item);
    const isHere = within === undefined ? node === this.#root : node?.parent?.raw === within;
    if (node === undefined || !isHere || this.#placed.has(node)) return "apart";
    this.#placed.add(node);
    if (within === undefined || (kind !== "leaf" && !isOwn(node))) return "followed";
    node.key = key;
    if (kind !== "leaf") this.kept.push(node);
    return "same";
  }

  copied(original: object, copy: object, key: unknown): void {
    const node = this.#nodeOf(original);
    if (node !== undefined) this.moved.push({ node, copy, key: node === this.#root ? node.key : key });
  }
}

/** Replaces originals by their copies everywhere within a value. */
export function replaceWithin(original: object, copies: ReadonlyMap<object, object>): void {
  const seen = new Set<object>();
  const visit = (container: object): void => {
    if (seen.has(container)) return;
    seen.add(container);
    const resolve = (item: unknown): unknown => {
      if (typeof item !== "object" || item === null) return item;
      const copy = copies.get(item);
      if (copy === undefined) visit(item);
      return copy ?? item;
    };
    replaceItems(container, resolve);
  };
  visit(original);
}

function replaceItems(container: object, resolve: (item: unknown) => unknown): void {
  switch (kindOf(container)) {
    case "object":
      for (const [key, item] of Object.entries(container)) {
        const now = resolve(item);
        if (now !== item) setOwn(container as Record<string, unknown>, key, now);
      }
      break;
    case "array": {
      const items = container as unknown[];
      for (let i = 0; i < items.length; i++) {
        const now = resolve(items[i]);
        if (now !== items[i]) items[i] = now;
      }
      break;
    }
    case "map": {
      const map = container as Map<unknown, unknown>;
      const entries = [...map].map(([key, item]) => [resolve(key), resolve(item)] as const);
      map.clear();
      for (const [key, item] of entries) map.set(key, item);
      break;
    }
    case "set": {
      const set = container as Set<unknown>;
      const items = [...set].map(resolve);
      set.clear();
      for (const item of items) set.add(item);
      break;
    }
    case "leaf":
  }
}

/** Replaces originals by their copies in recorded operations. */
export function replaceValues(operations: readonly Operation[], copies: ReadonlyMap<object, object>): void {
  const resolve = (value: unknown): unknown => {
    let at = value;
    while (typeof at === "object" && at !== null && copies.has(at)) at = copies.get(at);
    return at;
  };
  for (const operation of operations) {
    if (operation[0] === op.set) operation[2] = resolve(operation[2]);
    else if (operation[0] === op.splice) operation[4] = operation[4].map(resolve);
  }
}

/** A deeper value is copied immediately. */
const maxDepth = 64;

const leafPrototypes: ReadonlySet<unknown> = new Set(
  [Date, ArrayBuffer, Uint8Array, Uint8ClampedArray, Uint16Array, Uint32Array, BigUint64Array]
    .concat([Int8Array, Int16Array, Int32Array, BigInt64Array, Float32Array, Float64Array] as never[])
    .map((each) => each.prototype),
);

/**
 * True if a value can be part of the state until it is settled: a tree of mutable plain containers that are not
 * tracked yet. Any other value is copied or rejected when it is assigned.
 */
export function isPlainTree(value: object, depth: number, isKnown: (value: object) => boolean): boolean {
  return new Walk(isKnown).container(value, maxDepth - depth);
}

class Walk {
  readonly #isKnown: (value: object) => boolean;
  readonly #seen = new Set<object>();

  constructor(isKnown: (value: object) => boolean) {
    this.#isKnown = isKnown;
  }

  container(value: object, depth: number): boolean {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (this.#seen.has(value) || this.#isKnown(value)) return false;
    this.#seen.add(value);
    if (leafPrototypes.has(prototype)) return true;
    if (depth <= 0 || !Object.isExtensible(value)) return false;
    if (prototype === Object.prototype) return this.#object(value, depth);
    if (prototype === Array.prototype) return this.#array(value as unknown[], depth);
    if (prototype === Map.prototype) return this.#map(value as Map<unknown, unknown>, depth);
    return prototype === Set.prototype && this.#primitives(value as Set<unknown>);
  }

  #item(value: unknown, depth: number): boolean {
    if (typeof value !== "object" || value === null) {
      return typeof value !== "function" && typeof value !== "symbol";
    }
    return this.container(value, depth - 1);
  }

  #object(value: object, depth: number): boolean {
    if (Object.getOwnPropertySymbols(value).length > 0) return false;
    for (const item of Object.values(value)) if (!this.#item(item, depth)) return false;
    return true;
  }

  #array(items: readonly unknown[], depth: number): boolean {
    for (let i = 0; i < items.length; i++) {
      const item = items[i];
      // The copy has undefined instead of a hole.
      if (item === undefined ? !(i in items) : !this.#item(item, depth)) return false;
    }
    return true;
  }

  #map(map: ReadonlyMap<unknown, unknown>, depth: number): boolean {
    for (const [key, item] of map) {
      if ((typeof key === "object" && key !== null) || !this.#item(key, depth)) return false;
      if (!this.#item(item, depth)) return false;
    }
    return true;
  }

  /** Objects in a set keep their position in the copy only. */
  #primitives(set: ReadonlySet<unknown>): boolean {
    for (const item of set)
      if ((typeof item === "object" && item !== null) || !this.#item(item, 0)) return false;
    return true;
  }
}

function emptyLike(raw: object): object {
  switch (kindOf(raw)) {
    case "array":
      return [];
    case "map":
      return new Map();
    case "set":
      return new Set();
    default:
      return {};
  }
}

/** Forwards every operation to the current view. */
class Forward implements ProxyHandler<object> {
  view: object;

  constructor(view: object) {
    this.view = view;
  }

  get(_target: object, key: string | symbol): unknown {
    return Reflect.get(this.view, key);
  }

  set(_target: object, key: string | symbol, value: unknown): boolean {
    return Reflect.set(this.view, key, value);
  }

  has(_target: object, key: string | symbol): boolean {
    return Reflect.has(this.view, key);
  }

  deleteProperty(_target: object, key: string | symbol): boolean {
    return Reflect.deleteProperty(this.view, key);
  }

  ownKeys(): (string | symbol)[] {
    return Reflect.ownKeys(this.view);
  }

  getOwnPropertyDescriptor(_target: object, key: string | symbol): PropertyDescriptor | undefined {
    return Reflect.getOwnPropertyDescriptor(this.view, key);
  }

  defineProperty(_target: object, key: string | symbol, descriptor: PropertyDescriptor): boolean {
    return Reflect.defineProperty(this.view, key, descriptor);
  }

  setPrototypeOf(_target: object, prototype: object | null): boolean {
    return Reflect.setPrototypeOf(this.view, prototype);
  }

  preventExtensions(): boolean {
    return Reflect.preventExtensions(this.view);
  }
}
