/** State observed through proxies and recorded as path-level patches. */
import { HoldfastError } from "@holdfast/core";
import { actorLimits } from "../../limits.ts";

/** One step from a container to something in it: an object's key, an array's index, a map's key. */
export type Step = string | number | bigint | boolean | null | undefined;
export type Path = readonly Step[];

export type Container =
  | { readonly kind: "object"; readonly raw: Record<string, unknown> }
  | { readonly kind: "array"; readonly raw: unknown[] }
  | { readonly kind: "map"; readonly raw: Map<unknown, unknown> }
  | { readonly kind: "set"; readonly raw: Set<unknown> };

export type Kind = Container["kind"] | "leaf";

export const { maxStateDepth } = actorLimits;

/** Kind of an object in a state: a container, or an atomic value ("leaf"). */
export function kindOf(value: object): Kind {
  if (Array.isArray(value)) return "array";
  if (value instanceof Map) return "map";
  if (value instanceof Set) return "set";
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? "object" : "leaf";
}

/** Assigns an own property, even if the prototype defines a special one of that name, such as `__proto__`. */
export function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    target[key] = value;
  }
}

/** Replaces views by their targets. */
export type Unwrap = (value: object) => object;

/**
 * Observes the copying of a value. `within` is the container of the original, `key` the position in the copied
 * container: a key, an index, or `asKey`.
 */
export interface CopyObserver {
  copied(original: object, copy: object, key: unknown): void;
  /**
   * Decides how an object is handled: reuse it ("same"), copy and report it ("followed"), or copy it without reports
   * ("apart").
   */
  decide(item: object, kind: Kind, within: object | undefined, key: unknown): "same" | "followed" | "apart";
}

/** Position of a map's key or a set's item: no path leads to it. */
export const asKey = Symbol("key");

/**
 * Copies a value into a form that a state can store. The copy shares nothing with the original, so a state is a tree
 * that only its own proxies change. Throws `actor.invalid_state_value` with the path.
 */
export function copyValue(value: unknown, path: Path, unwrap: Unwrap, watcher?: CopyObserver): unknown {
  if (typeof value !== "object" || value === null) {
    if (typeof value === "function" || typeof value === "symbol") throw refused(`a ${typeof value}`, path);
    return value;
  }
  return new Copier(unwrap, path, watcher).object(value, undefined);
}

class Copier {
  readonly #unwrap: Unwrap;
  readonly #path: Step[];
  readonly #ancestors = new Set<object>();
  #watcher: CopyObserver | undefined;
  #within: object | undefined;

  constructor(unwrap: Unwrap, path: Path, watcher: CopyObserver | undefined) {
    this.#unwrap = unwrap;
    this.#path = [...path];
    this.#watcher = watcher;
  }

  object(value: object, key: unknown): object {
    const raw = this.#unwrap(value);
    const kind = kindOf(raw);
    const within = this.#within;
    const watcher = this.#watcher;
    const fate = watcher?.decide(raw, kind, within, key);
    if (fate === "same") return raw;
    if (kind === "leaf") return copyLeaf(raw, this.#path);
    if (this.#ancestors.has(raw)) throw refused("a cycle", this.#path);
    if (this.#path.length >= maxStateDepth)
      throw refused(`nested deeper than ${maxStateDepth} levels`, this.#path);
    this.#ancestors.add(raw);
    this.#within = raw;
    if (fate === "apart") this.#watcher = undefined;
    const copy = this.#container(raw, kind);
    this.#watcher = watcher;
    this.#within = within;
    this.#ancestors.delete(raw);
    if (fate === "followed") watcher?.copied(raw, copy, key);
    return copy;
  }

  #container(raw: object, kind: Container["kind"]): object {
    switch (kind) {
      case "array":
        return Array.from(raw as readonly unknown[], (item, index) => this.#item(item, index, index));
      case "map": {
        const copy = new Map<unknown, unknown>();
        for (const [key, item] of raw as ReadonlyMap<unknown, unknown>) {
          const step = stepOf(key);
          const itsKey = this.#item(key, step, asKey);
          copy.set(itsKey, this.#item(item, step, itsKey));
        }
        return copy;
      }
      case "set": {
        const copy = new Set<unknown>();
        for (const item of raw as ReadonlySet<unknown>) copy.add(this.#item(item, stepOf(item), asKey));
        return copy;
      }
      case "object":
        return this.#plainObject(raw);
    }
  }

  #plainObject(raw: object): object {
    for (const symbol of Object.getOwnPropertySymbols(raw)) {
      if (Object.prototype.propertyIsEnumerable.call(raw, symbol)) throw refused("a symbol key", this.#path);
    }
    // A spread preserves the hidden class of the original; adding key by key would use more memory.
    const copy: Record<string, unknown> = { ...raw };
    for (const key of Object.keys(copy)) {
      const item = copy[key];
      const copied = this.#item(item, key, key);
      if (copied !== item) setOwn(copy, key, copied);
    }
    return copy;
  }

  #item(value: unknown, step: Step, key: unknown): unknown {
    if (typeof value !== "object" || value === null) {
      if (typeof value !== "function" && typeof value !== "symbol") return value;
      throw refused(`a ${typeof value}`, [...this.#path, step]);
    }
    this.#path.push(step);
    const copy = this.object(value, key);
    this.#path.pop();
    return copy;
  }
}

function stepOf(key: unknown): Step {
  return typeof key === "object" || typeof key === "function" || typeof key === "symbol"
    ? "{}"
    : (key as Step);
}

/** The typed arrays of the codec, in addition to Uint8Array. */
const typedArrays = [
  Uint8ClampedArray,
  Uint16Array,
  Uint32Array,
  BigUint64Array,
  Int8Array,
  Int16Array,
  Int32Array,
  BigInt64Array,
  Float32Array,
  Float64Array,
] as const;

function copyLeaf(value: object, path: Path): object {
  if (value instanceof Date) return new Date(value.getTime());
  if (value instanceof ArrayBuffer) return value.slice(0);
  if (value instanceof RegExp) return new RegExp(value.source, value.flags);
  if (value instanceof Error) return copyError(value);
  // A Buffer becomes a Uint8Array, as in other runtimes.
  if (value instanceof Uint8Array) return new Uint8Array(value);
  for (const Type of typedArrays) if (value instanceof Type) return value.slice();
  const name = (value.constructor as { readonly name?: unknown } | undefined)?.name;
  throw refused(`an instance of ${typeof name === "string" && name !== "" ? name : "a class"}`, path);
}

function copyError(value: Error): Error {
  const copy = new Error(value.message);
  Object.defineProperty(copy, "name", { value: value.name, configurable: true, writable: true });
  return copy;
}

/** Formats a path for error messages: `state.items[2].name`. */
function formatPath(path: Path): string {
  let text = "state";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (typeof step === "string" && /^[A-Za-z_$][\w$]*$/.test(step)) text += `.${step}`;
    else text += `[${typeof step === "string" ? JSON.stringify(step) : String(step)}]`;
  }
  return text;
}

/** Also a `TypeError`, for programs that do not use typed errors. */
class RefusedValueError extends HoldfastError {
  constructor(what: string, path: string) {
    super("actor", "invalid_state_value", `${path} cannot be stored: it is ${what}`, {
      metadata: { path },
      statusCode: 500,
    });
    this.name = "TypeError";
  }
}
Object.setPrototypeOf(RefusedValueError.prototype, TypeError.prototype);

export function refused(what: string, path: Path): HoldfastError {
  return new RefusedValueError(what, formatPath(path));
}
