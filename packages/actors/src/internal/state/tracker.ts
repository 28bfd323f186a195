import type { HoldfastError } from "@holdfast/core";
import {
  type ChangeLocation,
  detached,
  detachedLocation,
  freshLocation,
  replaceIn,
  stepIn,
  stepName,
  unaddressable,
} from "./change-location.ts";
import { MutableLeaves } from "./mutable-leaves.ts";
import { Node } from "./node.ts";
import {
  CopyLog,
  forwardingView,
  isOwn,
  isPlainTree,
  Originals,
  redirectView,
  replaceValues,
  replaceWithin,
} from "./originals.ts";
import { type Operation, op } from "./patch.ts";
import { RetainedOriginals } from "./retained-originals.ts";
import { UndoLog } from "./undo-log.ts";
import { copyValue, kindOf, maxStateDepth, type Path, refused, type Step } from "./value.ts";
import { arrayProxy } from "./views/array-proxy.ts";
import { mapProxy, setProxy } from "./views/collection-proxy.ts";
import { objectProxy } from "./views/object-proxy.ts";
import type { ViewTracker } from "./views/view-tracker.ts";

/**
 * Tracks a state through write-through proxies and records its changes as operations on paths. `settle` replaces
 * assigned values by copies, so that no outside reference can change the state unnoticed; until then the assigned
 * value itself is part of the state. While user code runs, small values stay in place, and `checkLeaves` detects
 * changes to them.
 */
export class Tracker implements ViewTracker {
  /** Container of the root: the state is `holder.raw.value`. */
  readonly #holder = new Node({ value: undefined }, "object", undefined, undefined);
  readonly #nodes = new WeakMap<object, Node>();
  readonly #byProxy = new WeakMap<object, Node>();
  readonly #leaves = new MutableLeaves();
  readonly #originals = new Originals();
  readonly #retained = new RetainedOriginals();
  readonly #changed: () => void;
  readonly #touched: () => void;
  #operations: Operation[] = [];
  #lastSet: { readonly node: Node; readonly key: unknown; readonly operation: Operation } | undefined;
  #batch = 0;
  /** Cached view of the root, valid while the root is the same object. */
  #rootRaw: unknown;
  #rootView: object | undefined;
  #undo: UndoLog | undefined;
  /** Creates the error for refused changes; undefined if changes are allowed. */
  refusal: (() => HoldfastError) | undefined;

  /**
   * `changed` is called after each change, `touched` when user code receives something that it could change without a
   * proxy, so that it has to be compared. `initial` is used directly, not copied.
   */
  constructor(initial: unknown, changed: () => void, touched: () => void = () => {}) {
    this.#changed = changed;
    this.#touched = touched;
    this.#slot.value = initial;
  }

  get #slot(): { value: unknown } {
    return this.#holder.raw as { value: unknown };
  }

  /** The state without proxies: for encoding, never to be passed to user code. */
  get raw(): unknown {
    return this.#slot.value;
  }

  /** The root view for user code. */
  get value(): unknown {
    const { value } = this.#slot;
    if (this.#rootView !== undefined && this.#rootRaw === value) return this.#rootView;
    const view = this.child(this.#holder, "value", value);
    if (view !== value && typeof view === "object" && view !== null) {
      this.#rootRaw = value;
      this.#rootView = view;
    }
    return view;
  }

  set value(value: unknown) {
    this.writable(this.#holder);
    if (Object.is(this.unwrapValue(value), this.#slot.value)) return;
    const stored = this.adopt(this.#holder, "value", value, []);
    this.#operations.length = 0;
    this.#lastSet = undefined;
    this.#push([op.set, [], stored], this.#holder, "value");
    this.detach(this.#slot.value);
    this.#slot.value = stored;
    this.#changed();
  }

  /** The view of `value`, which is at `key` of `parent`. */
  child(parent: Node, key: unknown, value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    const node = this.#nodeOf(parent, key, value);
    if (node.kind === "leaf") {
      this.#leaves.touch(node);
      this.#touched();
    }
    return this.view(node);
  }

  /** The proxy of a node; a leaf is returned itself. */
  view(node: Node): object {
    if (node.proxy === undefined) {
      node.proxy = this.#makeView(node);
      if (!this.#originals.isEmpty && node.kind !== "leaf" && this.#originals.has(node)) {
        this.#byProxy.set(node.proxy, node);
        node.proxy = forwardingView(node.proxy, node.raw);
      }
      this.#byProxy.set(node.proxy, node);
    }
    return node.proxy;
  }

  #nodeOf(parent: Node, key: unknown, raw: object): Node {
    let node = this.#nodes.get(raw);
    if (node === undefined) {
      node = new Node(raw, kindOf(raw), parent, key);
      this.#nodes.set(raw, node);
    } else if (node.parent === parent) {
      node.key = key;
    }
    return node;
  }

  #makeView(node: Node): object {
    switch (node.kind) {
      case "object":
        return objectProxy(this, node);
      case "array":
        return arrayProxy(this, node);
      case "map":
        return mapProxy(this, node);
      case "set":
        return setProxy(this, node);
      case "leaf":
        trackerOfView.set(node.raw, this);
        return node.raw;
    }
  }

  /** The target of a view; any other value is returned unchanged. */
  readonly unwrap = (value: object): object => this.#byProxy.get(value)?.raw ?? value;

  unwrapValue(value: unknown): unknown {
    return typeof value === "object" && value !== null ? this.unwrap(value) : value;
  }

  /**
   * Prepares a value for storage at `key` of `parent`: an object that was removed from the state is reused, a tree of
   * plain containers becomes part of the state until it is settled, and any other value is copied. The caller stores
   * the result.
   */
  adopt(parent: Node, key: unknown, value: unknown, path: Path | undefined): unknown {
    if (typeof value !== "object" || value === null) {
      if (typeof value === "function" || typeof value === "symbol") {
        throw refused(`a ${typeof value}`, [
          ...(path ?? this.pathOf(parent)),
          ...(path ? [] : [stepName(key)]),
        ]);
      }
      return value;
    }
    const tracked = this.#byProxy.get(value);
    const isOriginal = tracked === undefined && this.#canAdopt(parent, key, value);
    const raw = isOriginal
      ? value
      : tracked !== undefined && this.#canMove(tracked, parent)
        ? tracked.raw
        : (copyValue(value, path ?? [...this.pathOf(parent), stepName(key)], this.unwrap) as object);
    const node = this.#nodeOf(parent, key, raw);
    node.parent = parent;
    node.key = key;
    node.fresh = this.#batch;
    if (isOriginal) this.#originals.add(node);
    return raw;
  }

  /** True if a value can be part of the state without a copy. Keys that are objects, and items of sets, cannot. */
  #canAdopt(parent: Node, key: unknown, value: object): boolean {
    if (typeof key === "symbol" || kindOf(value) === "leaf") return false;
    let depth = 0;
    for (let above = parent.parent; above !== undefined; above = above.parent) depth++;
    return isPlainTree(value, depth, this.#isTracked);
  }

  readonly #isTracked = (value: object): boolean => this.#nodes.has(value) || this.#byProxy.has(value);

  /**
   * Replaces the values assigned since the last call by copies; later changes of the originals have no effect. With
   * `inUse`, user code may still hold them: small ones stay in place until a call without it. Throws
   * `actor.invalid_state_value` for a value that can no longer be stored.
   */
  settle(inUse = false): void {
    if (this.#originals.isEmpty) return;
    const roots = this.#originals.take();
    this.#replaceByCopies(inUse && this.#undo === undefined ? this.#retain(roots) : roots);
  }

  /** Retains eligible originals; returns those that have to be copied. */
  #retain(roots: Iterable<Node>): Node[] {
    const released: Node[] = [];
    for (const root of roots) {
      const isRetained = this.#retained.has(root) ? !this.#retained.isTouched(root) : this.#committed(root);
      if (isRetained) this.#originals.add(root);
      else released.push(root);
    }
    return released.concat(this.#retained.surplus());
  }

  /** Retains an original with a copy of its current content. */
  #committed(root: Node): boolean {
    // User code may have added a view of the state to it: then it is no longer a separate tree.
    if (!this.#isAddressable(root) || !isPlainTree(root.raw, 0, this.#isView)) return false;
    return this.#retained.add(root, copyValue(root.raw, this.pathOf(root), this.unwrap));
  }

  /** True if a path leads to the node; an object in a set, for example, is written with the set. */
  #isAddressable(node: Node): boolean {
    let at = node;
    for (; at.parent !== undefined && at !== this.#holder; at = at.parent) {
      if (typeof stepIn(at.parent, at) === "symbol") return false;
    }
    return at === this.#holder;
  }

  readonly #isView = (value: object): boolean => this.#byProxy.has(value);

  /** Records changes that user code made directly to retained originals since the last commit. */
  #recordRetained(): void {
    if (this.#retained.isEmpty || this.refusal !== undefined) return;
    for (const [root, committed] of this.#retained.changed()) {
      if (this.#committed(root)) {
        this.#recordWhole(root);
        this.#changed();
      } else this.#restoreCommitted(root, committed);
    }
  }

  /** Restores the committed content of an original that can no longer be stored. */
  #restoreCommitted(root: Node, committed: unknown): void {
    this.#retained.drop(root);
    this.#originals.drop(root);
    replaceIn(root, committed as object);
    this.#redirectTo(root, committed as object);
  }

  #replaceByCopies(roots: Iterable<Node>): void {
    const copies = new Map<object, object>();
    const settled = new Set<Node>();
    for (const root of roots) {
      // It is part of an earlier original, and was copied with that.
      if (settled.has(root) || isOwn(root)) continue;
      const log = new CopyLog(root, (raw) => this.#nodes.get(raw));
      const copy = copyValue(root.raw, this.pathOf(root), this.unwrap, log) as object;
      // The state keeps its own objects; the original receives copies of them.
      const replacements = new Map<object, object>();
      for (const { raw } of log.kept) replacements.set(raw, copyValue(raw, [], this.unwrap) as object);
      if (replacements.size > 0) replaceWithin(root.raw, replacements);
      replaceIn(root, copy);
      for (const { node, copy: itsCopy, key } of log.moved) {
        copies.set(node.raw, itsCopy);
        settled.add(node);
        this.#retained.drop(node);
        this.#originals.drop(node);
        node.key = key;
        this.#redirectTo(node, itsCopy);
      }
    }
    replaceValues(this.#operations, copies);
  }

  /** Lets the node represent `copy` from now on. */
  #redirectTo(node: Node, copy: object): void {
    this.#nodes.delete(node.raw);
    node.raw = copy;
    this.#nodes.set(copy, node);
    if (node.proxy === undefined) return;
    const view = this.#makeView(node);
    this.#byProxy.set(view, node);
    // An object that moved from the state into an original has a view of its former position.
    if (!redirectView(node.proxy, view)) node.proxy = view;
  }

  #canMove(node: Node, target: Node): boolean {
    if (node.parent !== undefined || node === this.#holder) return false;
    let depth = 0;
    for (let above: Node | undefined = target; above !== undefined; above = above.parent) {
      if (above === node || ++depth > maxStateDepth / 2) return false;
    }
    return true;
  }

  /** Detaches a value that was removed from the state. */
  detach(value: unknown): void {
    if (typeof value !== "object" || value === null) return;
    const node = this.#nodes.get(value);
    if (node === undefined) return;
    // User code may still hold it and put it back, so it is settled separately.
    if (!this.#originals.isEmpty && this.#originals.has(node)) this.#originals.add(node);
    if (!this.#retained.isEmpty) this.#retained.detached(node);
    node.parent = undefined;
  }

  /** Called before any change of the container `node`: throws if changes are refused. */
  writable(node: Node): void {
    if (this.refusal !== undefined) throw this.refusal();
    this.#undo?.remember(node);
  }

  /** Starts recording for `rollback`, until `keep`. No operations may be pending. */
  savepoint(): void {
    this.#recordRetained();
    this.settle();
    this.#undo = new UndoLog();
    this.#lastSet = undefined;
  }

  keep(): void {
    this.#undo = undefined;
  }

  rollback(): void {
    const undo = this.#undo;
    if (undo === undefined) return;
    this.#undo = undefined;
    this.#leaves.restore();
    undo.rollback((raw) => this.#nodes.get(raw));
    this.#originals.clear();
    this.#retained.clear();
    this.#operations = [];
    this.#lastSet = undefined;
    // Values assigned since the savepoint are no longer written completely.
    this.#batch++;
  }

  /** Records a change of the container `node`; `make` receives the path of the container. */
  record(node: Node, make: (path: Step[]) => Operation): void {
    const location = this.#writableLocation(node);
    if (location.type === "nowhere") return;
    if (location.type === "path") this.#push(make(location.path), undefined, undefined);
    else if (location.type === "whole") this.#recordWhole(location.node);
    this.#changed();
  }

  /** Records an assignment; it replaces a directly preceding one to the same key. */
  recordSet(node: Node, key: Step, value: unknown): void {
    const last = this.#lastSet;
    if (last !== undefined && last.node === node && last.key === key) {
      last.operation[2] = value;
    } else {
      const location = this.#writableLocation(node);
      if (location.type === "nowhere") return;
      if (location.type === "path") {
        location.path.push(key);
        this.#push([op.set, location.path, value], node, key);
      } else if (location.type === "whole") this.#recordWhole(location.node);
    }
    this.#changed();
  }

  /** Records that `node` is written completely: a change within it has no path. */
  recordWhole(node: Node): void {
    const location = this.#writableLocation(node);
    if (location.type === "nowhere") return;
    if (location.type === "whole") this.#recordWhole(location.node);
    else if (location.type === "path") this.#recordWhole(node);
    this.#changed();
  }

  #recordWhole(node: Node): void {
    const location = this.#locate(node);
    if (location.type === "whole") this.#recordWhole(location.node);
    if (location.type !== "path") return;
    this.#push([op.set, location.path, node.raw], undefined, undefined);
    node.fresh = this.#batch;
  }

  #push(operation: Operation, node: Node | undefined, key: unknown): void {
    this.#operations.push(operation);
    this.#lastSet = node === undefined ? undefined : { node, key, operation };
  }

  /** As `#locate`, but a path into a retained original has no meaning, since it may have changed unnoticed. */
  #writableLocation(node: Node): ChangeLocation {
    const location = this.#locate(node);
    if (this.#retained.isEmpty || location.type === "nowhere" || location.type === "fresh") return location;
    const retained = this.#retained.touch(location.type === "whole" ? location.node : node);
    return retained === undefined ? location : { type: "whole", node: retained };
  }

  #locate(start: Node): ChangeLocation {
    const path: Step[] = [];
    let whole: Node | undefined;
    let isFresh = false;
    let node = start;
    while (true) {
      if (node.fresh === this.#batch) isFresh = true;
      const parent = node.parent;
      if (parent === undefined) return detachedLocation;
      if (parent === this.#holder) break;
      const step = stepIn(parent, node);
      if (step === detached) return detachedLocation;
      if (step === unaddressable) {
        whole = parent;
        path.length = 0;
      } else path.push(step);
      node = parent;
    }
    if (isFresh) return freshLocation;
    if (whole !== undefined) return { type: "whole", node: whole };
    return { type: "path", path: path.reverse() };
  }

  /** The path of a node, as shown in error messages. */
  pathOf(node: Node): Step[] {
    const path: Step[] = [];
    for (let at = node; at.parent !== undefined && at.parent !== this.#holder; at = at.parent) {
      const step = stepIn(at.parent, at);
      path.push(typeof step === "symbol" ? "{}" : step);
    }
    return path.reverse();
  }

  /**
   * Detects changes of dates, bytes and errors that user code received: they have no proxies. With `forget`, they are
   * not checked again.
   */
  checkLeaves(forget: boolean): void {
    this.#recordRetained();
    if (forget && !this.#retained.isEmpty) this.settle();
    if (this.#leaves.empty) return;
    for (const node of this.#leaves.changed()) {
      if (this.refusal === undefined) this.recordWhole(node);
    }
    if (forget) this.#leaves.clear();
  }

  /** True if nothing is pending: no operations, no savepoint, no leaves to check. */
  get isSettled(): boolean {
    const isQuiet = this.#leaves.empty && this.#retained.isEmpty;
    return this.#operations.length === 0 && this.#undo === undefined && isQuiet;
  }

  get hasOperations(): boolean {
    return this.#operations.length > 0;
  }

  /** The operations since the last call, oldest first; encode them before the state changes again. */
  take(): readonly Operation[] {
    const operations = this.#operations;
    this.#operations = [];
    this.#lastSet = undefined;
    this.#batch++;
    return operations;
  }
}

/** Maps views to their tracker, so that a view keeps its tracker alive. A leaf is its own view. */
const trackerOfView = new WeakMap<object, Tracker>();
