import type { Node } from "../node.ts";
import type { ViewTracker } from "./view-tracker.ts";

/** The view of an array, as its reading methods use it. */
export interface ReadArray {
  readonly tracker: ViewTracker;
  readonly node: Node;
  readonly raw: unknown[];
  /**
   * Containers by index, with their views; an entry is valid only while the array still has that container at the
   * index.
   */
  readonly reached: unknown[];
  readonly views: unknown[];
}

type Callback = (value: unknown, index: number, all: object) => unknown;

/**
 * Read-only array methods that work on the plain array behind its view: through the view, each item would cost several
 * times as much. Items are passed on as views.
 */
const readMethods = {
  values: (of: ReadArray) => () => new ViewIterator(of),
  forEach: (of: ReadArray) => (callback: Callback, self?: unknown) => {
    const { raw } = of;
    const { length } = raw;
    const view = of.tracker.view(of.node);
    for (let i = 0; i < length && i < raw.length; i++) callback.call(self, viewAt(of, i), i, view);
  },
  map: (of: ReadArray) => (callback: Callback, self?: unknown) => {
    const { raw } = of;
    const { length } = raw;
    const view = of.tracker.view(of.node);
    const results: unknown[] = [];
    for (let i = 0; i < length && i < raw.length; i++)
      results.push(callback.call(self, viewAt(of, i), i, view));
    // Visits the initial number of items, even if the callback removes some.
    if (results.length < length) results.length = length;
    return results;
  },
  filter: (of: ReadArray) => (callback: Callback, self?: unknown) => {
    const { raw } = of;
    const { length } = raw;
    const view = of.tracker.view(of.node);
    const results: unknown[] = [];
    for (let i = 0; i < length && i < raw.length; i++) {
      const item = viewAt(of, i);
      if (callback.call(self, item, i, view)) results.push(item);
    }
    return results;
  },
  find: (of: ReadArray) => (callback: Callback, self?: unknown) => {
    const { length } = of.raw;
    const view = of.tracker.view(of.node);
    // Searching methods also visit the indexes of items that the callback has removed.
    for (let i = 0; i < length; i++) {
      const item = viewAt(of, i);
      if (callback.call(self, item, i, view)) return item;
    }
    return undefined;
  },
  findIndex: (of: ReadArray) => (callback: Callback, self?: unknown) => {
    const { length } = of.raw;
    const view = of.tracker.view(of.node);
    for (let i = 0; i < length; i++) if (callback.call(self, viewAt(of, i), i, view)) return i;
    return -1;
  },
  some: (of: ReadArray) => (callback: Callback, self?: unknown) =>
    indexWhere(of, callback, self, true) !== -1,
  every: (of: ReadArray) => (callback: Callback, self?: unknown) =>
    indexWhere(of, callback, self, false) === -1,
  reduce:
    (of: ReadArray) =>
    (
      ...args: [
        callback: (all: unknown, item: unknown, index: number, of: object) => unknown,
        first?: unknown,
      ]
    ) => {
      const { raw } = of;
      const { length } = raw;
      const view = of.tracker.view(of.node);
      const [callback, first] = args;
      const hasInitial = args.length > 1;
      if (!hasInitial && length === 0) throw new TypeError("Reduce of empty array with no initial value");
      let result = hasInitial ? first : viewAt(of, 0);
      for (let i = hasInitial ? 0 : 1; i < length && i < raw.length; i++) {
        result = callback(result, viewAt(of, i), i, view);
      }
      return result;
    },
  includes: (of: ReadArray) => (item: unknown, from?: number) =>
    of.raw.includes(of.tracker.unwrapValue(item), from),
  indexOf: (of: ReadArray) => (item: unknown, from?: number) =>
    of.raw.indexOf(of.tracker.unwrapValue(item), from),
  slice: (of: ReadArray) => (from?: number, to?: number) => {
    const { length } = of.raw;
    const start = relative(from ?? 0, length);
    const end = to === undefined ? length : relative(to, length);
    const items: unknown[] = [];
    for (let i = start; i < end; i++) items.push(viewAt(of, i));
    return items;
  },
  at: (of: ReadArray) => (index: number) => {
    const integer = Math.trunc(Number(index)) || 0;
    const position = integer < 0 ? of.raw.length + integer : integer;
    return position >= 0 && position < of.raw.length ? viewAt(of, position) : undefined;
  },
} as const;

const byKey = new Map<string | symbol, (of: ReadArray) => unknown>([
  ...Object.entries(readMethods),
  [Symbol.iterator, readMethods.values],
]);

/** The reading method of this name; undefined for methods that use the view. */
export function readMethod(key: string | symbol, of: ReadArray): unknown {
  return byKey.get(key)?.(of);
}

function viewAt(of: ReadArray, index: number): unknown {
  const item = of.raw[index];
  return typeof item === "object" && item !== null ? objectViewAt(of, index, item) : item;
}

/** As `tracker.child`, but without a lookup for a container that was reached at this index before. */
export function objectViewAt(of: ReadArray, index: number, item: object): unknown {
  return of.reached[index] === item ? of.views[index] : cachedView(of, index, item);
}

function cachedView(of: ReadArray, index: number, item: object): unknown {
  const view = of.tracker.child(of.node, index, item);
  // A leaf is its own view, and has to be registered each time that it is handed out.
  if (view === item) return view;
  const { reached, views } = of;
  // Releases a container that was removed from the array.
  if (reached.length > of.raw.length) reached.length = views.length = of.raw.length;
  // Limits the gap to earlier entries: a sparse array is permanently slow, and filling the gap has a cost.
  if (index > reached.length + maxGap) return view;
  while (reached.length < index) {
    reached.push(undefined);
    views.push(undefined);
  }
  reached[index] = item;
  views[index] = view;
  return view;
}

function indexWhere(of: ReadArray, callback: Callback, self: unknown, wanted: boolean): number {
  const { raw } = of;
  const { length } = raw;
  const view = of.tracker.view(of.node);
  for (let i = 0; i < length && i < raw.length; i++) {
    if (Boolean(callback.call(self, viewAt(of, i), i, view)) === wanted) return i;
  }
  return -1;
}

/** Iterates over the current array, as the built-in array iterator does. */
class ViewIterator extends Iterator<unknown, unknown> {
  readonly #of: ReadArray;
  readonly #raw: unknown[];
  #index = -1;

  constructor(of: ReadArray) {
    super();
    this.#of = of;
    this.#raw = of.raw;
  }

  /** A single allocation site: the engine can then eliminate the result in a destructuring loop. */
  next(): IteratorResult<unknown, unknown> {
    const index = ++this.#index;
    const raw = this.#raw;
    let done = true;
    let value: unknown;
    if (index < raw.length) {
      done = false;
      value = raw[index];
      if (typeof value === "object" && value !== null) value = objectViewAt(this.#of, index, value);
    } else {
      this.#index = endIndex;
    }
    return { done, value };
  }
}

/** Maximum distance beyond the cached entries at which an item is cached. */
const maxGap = 1_024;

/** Beyond the end of any array, and small enough to stay a small integer in the engine. */
const endIndex = 2 ** 30;

/** Resolves a relative index, as array methods do: negative counts from the end. */
export function relative(value: unknown, length: number): number {
  const integer = Math.trunc(Number(value)) || 0;
  return integer < 0 ? Math.max(0, length + integer) : Math.min(integer, length);
}
