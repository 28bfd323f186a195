import type { Node, Tracker } from "./tracker.ts";

/** What reading methods need of their array. */
export interface ReadArray {
  readonly tracker: Tracker;
  readonly node: Node;
  readonly raw: unknown[];
  /** The nodes of items that have been reached, by index; each is checked before it is believed. */
  readonly nodes: (Node | undefined)[];
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
    const view = of.tracker.view(of.node);
    for (let i = 0; i < raw.length; i++) callback.call(self, show(of, i), i, view);
  },
  map: (of: ReadArray) => (callback: Callback, self?: unknown) => {
    const { raw } = of;
    const view = of.tracker.view(of.node);
    const made: unknown[] = [];
    for (let i = 0; i < raw.length; i++) made.push(callback.call(self, show(of, i), i, view));
    return made;
  },
  filter: (of: ReadArray) => (callback: Callback, self?: unknown) => {
    const { raw } = of;
    const view = of.tracker.view(of.node);
    const kept: unknown[] = [];
    for (let i = 0; i < raw.length; i++) {
      const item = show(of, i);
      if (callback.call(self, item, i, view)) kept.push(item);
    }
    return kept;
  },
  find: (of: ReadArray) => (callback: Callback, self?: unknown) => {
    const index = indexWhere(of, callback, self, true);
    return index === -1 ? undefined : show(of, index);
  },
  findIndex: (of: ReadArray) => (callback: Callback, self?: unknown) => indexWhere(of, callback, self, true),
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
      const view = of.tracker.view(of.node);
      const [callback, first] = args;
      const given = args.length > 1;
      if (!given && raw.length === 0) throw new TypeError("Reduce of empty array with no initial value");
      let result = given ? first : show(of, 0);
      for (let i = given ? 0 : 1; i < raw.length; i++) result = callback(result, show(of, i), i, view);
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
  const known = of.nodes[index];
  if (known !== undefined && known.raw === item && known.kind !== "leaf" && known.proxy !== undefined) {
    return known.proxy;
  }
  const shown = of.tracker.child(of.node, index, item);
  // What has been taken out of the array is not held on to.
  if (of.nodes.length > of.raw.length) of.nodes.length = of.raw.length;
  of.nodes[index] = of.tracker.nodeAt(item);
  return shown;
}

function indexWhere(of: ReadArray, callback: Callback, self: unknown, wanted: boolean): number {
  const { raw } = of;
  const view = of.tracker.view(of.node);
  for (let i = 0; i < raw.length; i++) {
    if (Boolean(callback.call(self, show(of, i), i, view)) === wanted) return i;
  }
  return -1;
}

/** Goes through an array as it is at each step, as the iterator of an array does. */
class Shown extends Iterator<unknown> {
  readonly #of: ReadArray;
  readonly #raw: unknown[];
  #index = -1;

  constructor(of: ReadArray) {
    super();
    this.#of = of;
    this.#raw = of.raw;
  }

  next(): IteratorResult<unknown, undefined> {
    const index = ++this.#index;
    if (index < this.#raw.length) {
      const item = this.#raw[index];
      const value = typeof item !== "object" || item === null ? item : show(this.#of, index);
      return { done: false, value };
    }
    this.#index = ended;
    return { done: true, value: undefined };
  }
}

/** Past the end of any array, and small enough to keep the index a plain integer in the engine. */
const ended = 2 ** 30;

/** An index as the methods of arrays take it: from the end when negative. */
export function relative(value: unknown, length: number): number {
  const integer = Math.trunc(Number(value)) || 0;
  return integer < 0 ? Math.max(0, length + integer) : Math.min(integer, length);
}
