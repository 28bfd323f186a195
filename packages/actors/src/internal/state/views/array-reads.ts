import type { Node } from "../node.ts";
import type { ViewTracker } from "./view-tracker.ts";

/** What reading methods need of their array. */
export interface ReadArray {
  readonly tracker: ViewTracker;
  readonly node: Node;
  readonly raw: unknown[];
  /** Containers that have been reached, by index, and their views: believed while they still lie there. */
  readonly reached: unknown[];
  readonly views: unknown[];
}

type Callback = (value: unknown, index: number, all: object) => unknown;

/**
 * The methods of an array that only read, on the plain array behind its view: a method that goes
 * through the view item by item would cost many times as much. Items are shown as the view shows them.
 */
const makers = {
  values: (of: ReadArray) => () => new Shown(of),
  forEach: (of: ReadArray) => (callback: Callback, self?: unknown) => {
    const { raw } = of;
    const { length } = raw;
    const view = of.tracker.view(of.node);
    for (let i = 0; i < length && i < raw.length; i++) callback.call(self, show(of, i), i, view);
  },
  map: (of: ReadArray) => (callback: Callback, self?: unknown) => {
    const { raw } = of;
    const { length } = raw;
    const view = of.tracker.view(of.node);
    const made: unknown[] = [];
    for (let i = 0; i < length && i < raw.length; i++) made.push(callback.call(self, show(of, i), i, view));
    // As long as it was at the start, also when the callback took items out.
    if (made.length < length) made.length = length;
    return made;
  },
  filter: (of: ReadArray) => (callback: Callback, self?: unknown) => {
    const { raw } = of;
    const { length } = raw;
    const view = of.tracker.view(of.node);
    const kept: unknown[] = [];
    for (let i = 0; i < length && i < raw.length; i++) {
      const item = show(of, i);
      if (callback.call(self, item, i, view)) kept.push(item);
    }
    return kept;
  },
  find: (of: ReadArray) => (callback: Callback, self?: unknown) => {
    const { length } = of.raw;
    const view = of.tracker.view(of.node);
    // Those that look for an item also see the places of items that the callback took out.
    for (let i = 0; i < length; i++) {
      const item = show(of, i);
      if (callback.call(self, item, i, view)) return item;
    }
    return undefined;
  },
  findIndex: (of: ReadArray) => (callback: Callback, self?: unknown) => {
    const { length } = of.raw;
    const view = of.tracker.view(of.node);
    for (let i = 0; i < length; i++) if (callback.call(self, show(of, i), i, view)) return i;
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
      const given = args.length > 1;
      if (!given && length === 0) throw new TypeError("Reduce of empty array with no initial value");
      let result = given ? first : show(of, 0);
      for (let i = given ? 0 : 1; i < length && i < raw.length; i++) {
        result = callback(result, show(of, i), i, view);
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
    for (let i = start; i < end; i++) items.push(show(of, i));
    return items;
  },
  at: (of: ReadArray) => (index: number) => {
    const whole = Math.trunc(Number(index)) || 0;
    const place = whole < 0 ? of.raw.length + whole : whole;
    return place >= 0 && place < of.raw.length ? show(of, place) : undefined;
  },
} as const;

const byKey = new Map<string | symbol, (of: ReadArray) => unknown>([
  ...Object.entries(makers),
  [Symbol.iterator, makers.values],
]);

/** The reading method of this name; undefined for those that go through the view. */
export function readMethod(key: string | symbol, of: ReadArray): unknown {
  return byKey.get(key)?.(of);
}

function show(of: ReadArray, index: number): unknown {
  const item = of.raw[index];
  return typeof item === "object" && item !== null ? showObject(of, index, item) : item;
}

/** As `tracker.child`, without a look-up for what was reached at this index before. */
export function showObject(of: ReadArray, index: number, item: object): unknown {
  return of.reached[index] === item ? of.views[index] : reach(of, index, item);
}

function reach(of: ReadArray, index: number, item: object): unknown {
  const shown = of.tracker.child(of.node, index, item);
  // A leaf is its own view: it has to be looked at each time that it is handed out.
  if (shown === item) return shown;
  const { reached, views } = of;
  // What has been taken out of the array is not held on to.
  if (reached.length > of.raw.length) reached.length = views.length = of.raw.length;
  // Not far beyond the others: an array with gaps is slow for good, and filling them is not free.
  if (index > reached.length + maxGap) return shown;
  while (reached.length < index) {
    reached.push(undefined);
    views.push(undefined);
  }
  reached[index] = item;
  views[index] = shown;
  return shown;
}

function indexWhere(of: ReadArray, callback: Callback, self: unknown, wanted: boolean): number {
  const { raw } = of;
  const { length } = raw;
  const view = of.tracker.view(of.node);
  for (let i = 0; i < length && i < raw.length; i++) {
    if (Boolean(callback.call(self, show(of, i), i, view)) === wanted) return i;
  }
  return -1;
}

/** Goes through an array as it is at each step, as the iterator of an array does. */
class Shown extends Iterator<unknown, unknown> {
  readonly #of: ReadArray;
  readonly #raw: unknown[];
  #index = -1;

  constructor(of: ReadArray) {
    super();
    this.#of = of;
    this.#raw = of.raw;
  }

  /** One result, made in one place: the engine leaves it out of a loop that takes it apart at once. */
  next(): IteratorResult<unknown, unknown> {
    const index = ++this.#index;
    const raw = this.#raw;
    let done = true;
    let value: unknown;
    if (index < raw.length) {
      done = false;
      value = raw[index];
      if (typeof value === "object" && value !== null) value = showObject(this.#of, index, value);
    } else {
      this.#index = ended;
    }
    return { done, value };
  }
}

/** How far beyond what has been reached before an item is remembered. */
const maxGap = 1_024;

/** Past the end of any array, and small enough to keep the index a plain integer in the engine. */
const ended = 2 ** 30;

/** An index as the methods of arrays take it: from the end when negative. */
export function relative(value: unknown, length: number): number {
  const integer = Math.trunc(Number(value)) || 0;
  return integer < 0 ? Math.max(0, length + integer) : Math.min(integer, length);
}
