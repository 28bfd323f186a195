import { actorLimits } from "../../../limits.ts";
import type { Node } from "../node.ts";
import { op } from "../patch.ts";
import { refused } from "../value.ts";
import { assignIndex, resizeArray, spliceArray } from "./array.ts";
import { objectViewAt, readMethod, relative } from "./array-reads.ts";
import { ViewHandler } from "./view-handler.ts";
import type { ViewTracker } from "./view-tracker.ts";

const { maxArrayGap } = actorLimits;

type Compare = (a: unknown, b: unknown) => number;

/** Creates the write-through view of an array. Methods that move items record a single operation. */
export function arrayProxy(tracker: ViewTracker, node: Node): object {
  return new Proxy(node.raw, new ArrayHandler(tracker, node, node.raw as unknown[]));
}

/** The mutating methods of one array. */
class Methods {
  readonly #tracker: ViewTracker;
  readonly #node: Node;
  readonly #raw: unknown[];

  constructor(tracker: ViewTracker, node: Node, raw: unknown[]) {
    this.#tracker = tracker;
    this.#node = node;
    this.#raw = raw;
  }

  readonly push = (...items: unknown[]): number => {
    this.#splice(this.#raw.length, 0, items);
    return this.#raw.length;
  };

  readonly pop = (): unknown => this.#splice(Math.max(0, this.#raw.length - 1), 1, [])[0];

  readonly shift = (): unknown => this.#splice(0, 1, [])[0];

  readonly unshift = (...items: unknown[]): number => {
    this.#splice(0, 0, items);
    return this.#raw.length;
  };

  readonly splice = (...args: unknown[]): unknown[] => {
    const length = this.#raw.length;
    const start = relative(args[0], length);
    const count = args.length === 0 ? 0 : args.length === 1 ? length - start : clamp(args[1], length - start);
    return this.#splice(start, count, args.slice(2));
  };

  readonly sort = (compare?: Compare): unknown => {
    const views = this.#raw.map((item, index) => ({ item: this.#show(item, index), index }));
    // Undefined items are sorted last regardless of the comparison, as in Array.prototype.sort.
    const order = compare ?? byText;
    views.sort((a, b) =>
      a.item === undefined || b.item === undefined
        ? Number(a.item === undefined) - Number(b.item === undefined)
        : order(a.item, b.item),
    );
    return this.#reorder(views.map((entry) => entry.index));
  };

  readonly reverse = (): unknown => {
    const last = this.#raw.length - 1;
    return this.#reorder(this.#raw.map((_, index) => last - index));
  };

  readonly fill = (value: unknown, from?: number, to?: number): unknown => {
    const length = this.#raw.length;
    const start = relative(from ?? 0, length);
    const end = to === undefined ? length : relative(to, length);
    if (end > start) this.#splice(start, end - start, new Array(end - start).fill(value));
    return this.#tracker.view(this.#node);
  };

  readonly copyWithin = (target: number, from: number, to?: number): unknown => {
    const { length } = this.#raw;
    const at = relative(target, length);
    const start = relative(from, length);
    const end = to === undefined ? length : relative(to, length);
    const views = this.#raw.slice(start, end).map((item, index) => this.#show(item, start + index));
    const items = views.slice(0, length - at);
    if (items.length > 0) this.#splice(at, items.length, items);
    return this.#tracker.view(this.#node);
  };

  #show(item: unknown, index: number): unknown {
    return this.#tracker.child(this.#node, index, item);
  }

  #splice(start: number, deleteCount: number, items: readonly unknown[]): unknown[] {
    const tracker = this.#tracker;
    tracker.writable(this.#node);
    if (deleteCount === 0 && items.length === 0) return [];
    const count = Math.min(deleteCount, this.#raw.length - start);
    const stored = items.map((item, index) => tracker.adopt(this.#node, start + index, item, undefined));
    if (count > 0 || stored.length > 0) {
      tracker.record(this.#node, (path) => [op.splice, path, start, count, stored]);
    }
    const removed = spliceArray(this.#raw, start, count, stored);
    return removed.map((item) => {
      const view = this.#show(item, -1);
      tracker.detach(item);
      return view;
    });
  }

  #reorder(order: readonly number[]): unknown {
    this.#tracker.writable(this.#node);
    if (order.some((from, to) => from !== to)) {
      this.#tracker.record(this.#node, (path) => [op.reorder, path, order]);
      const before = this.#raw.slice();
      for (let i = 0; i < order.length; i++) this.#raw[i] = before[order[i] ?? 0];
    }
    return this.#tracker.view(this.#node);
  }
}

const methodNames = new Set<string | symbol>([
  "push",
  "pop",
  "shift",
  "unshift",
  "splice",
  "sort",
  "reverse",
  "fill",
  "copyWithin",
] satisfies (keyof Methods)[]);

class ArrayHandler extends ViewHandler {
  readonly #raw: unknown[];
  readonly reached: unknown[] = [];
  readonly views: unknown[] = [];
  #methods: Methods | undefined;
  /** Cache of reading methods. */
  #reads: Map<string | symbol, unknown> | undefined;

  constructor(tracker: ViewTracker, node: Node, raw: unknown[]) {
    super(tracker, node);
    this.#raw = raw;
  }

  get raw(): unknown[] {
    return this.#raw;
  }

  protected override key(key: string): string | number {
    return indexOf(key) ?? key;
  }

  get(_target: object, key: string | symbol): unknown {
    const value: unknown = this.#raw[key as keyof unknown[]];
    if (typeof value === "function") return this.#method(key, value);
    if (typeof value !== "object" || value === null || typeof key === "symbol") return value;
    const index = indexOf(key);
    return index === undefined ? value : objectViewAt(this, index, value);
  }

  #method(key: string | symbol, native: unknown): unknown {
    if (methodNames.has(key)) {
      this.#methods ??= new Methods(this.tracker, this.node, this.#raw);
      return this.#methods[key as keyof Methods];
    }
    const cached = this.#reads?.get(key);
    if (cached !== undefined) return cached;
    const method = readMethod(key, this);
    if (method === undefined) return native;
    this.#reads ??= new Map();
    this.#reads.set(key, method);
    return method;
  }

  set(_target: object, key: string | symbol, value: unknown): boolean {
    const { tracker, node } = this;
    tracker.writable(node);
    if (key === "length") return this.#resize(value);
    const index = typeof key === "string" ? indexOf(key) : undefined;
    if (index === undefined)
      throw refused("an array with a property that is not an index", tracker.pathOf(node));
    if (index > this.#raw.length + maxArrayGap)
      throw refused("an array with a wide gap", tracker.pathOf(node));
    const before = this.#raw[index];
    const same =
      typeof value === "object" && value !== null
        ? tracker.unwrap(value) === before
        : Object.is(value, before);
    if (same && index < this.#raw.length) return true;
    const stored = tracker.adopt(node, index, value, undefined);
    tracker.recordSet(node, index, stored);
    tracker.detach(before);
    assignIndex(this.#raw, index, stored);
    return true;
  }

  /** An array in a state has no holes: deleting an item leaves undefined. */
  deleteProperty(target: object, key: string | symbol): boolean {
    this.tracker.writable(this.node);
    const index = typeof key === "string" ? indexOf(key) : undefined;
    if (index !== undefined && index < this.#raw.length) return this.set(target, key, undefined);
    return true;
  }

  #resize(value: unknown): boolean {
    const { tracker, node } = this;
    const length = Number(value);
    if (!Number.isSafeInteger(length) || length < 0) throw new RangeError("Invalid array length");
    if (length > this.#raw.length + maxArrayGap)
      throw refused("an array with a wide gap", tracker.pathOf(node));
    if (length === this.#raw.length) return true;
    tracker.record(node, (path) => [op.length, path, length]);
    for (let i = length; i < this.#raw.length; i++) tracker.detach(this.#raw[i]);
    resizeArray(this.#raw, length);
    return true;
  }
}

function indexOf(key: string): number | undefined {
  const first = key.charCodeAt(0);
  if (first < 48 || first > 57) return undefined;
  const index = Number(key);
  return Number.isSafeInteger(index) && index >= 0 && String(index) === key ? index : undefined;
}

function clamp(value: unknown, max: number): number {
  return Math.min(Math.max(0, Math.trunc(Number(value)) || 0), max);
}

function byText(a: unknown, b: unknown): number {
  const left = String(a);
  const right = String(b);
  return left < right ? -1 : left > right ? 1 : 0;
}
