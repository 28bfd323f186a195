import type { HoldfastError } from "@holdfast/core";
import { HeldOriginals } from "./held-originals.ts";
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
import {
  detachedPlace,
  inexpressible,
  lost,
  newPlace,
  type Place,
  replaceIn,
  stepIn,
  stepName,
} from "./place.ts";
import { UndoLog } from "./undo-log.ts";
import { copyValue, kindOf, maxStateDepth, type Path, refused, type Step } from "./value.ts";
import { arrayProxy } from "./views/array-proxy.ts";
import { mapProxy, setProxy } from "./views/collection-proxy.ts";
import { objectProxy } from "./views/object-proxy.ts";
import type { ViewTracker } from "./views/view-tracker.ts";

/**
 * Watches a state through write-through proxies and collects what changed in it as operations on
 * paths. Assigned values are copied in with `settle`, so that nothing outside can change a state unseen
 * from there on; until then an assigned value is what lies in the state. While user code runs, small ones
 * go on doing so: what it changes in them is noticed by `checkLeaves`.
 */
export class Tracker implements ViewTracker {
  /** The state's place is `holder.raw.value`. */
  readonly #holder = new Node({ value: undefined }, "object", undefined, undefined);
  readonly #nodes = new WeakMap<object, Node>();
  readonly #byProxy = new WeakMap<object, Node>();
  readonly #leaves = new MutableLeaves();
  readonly #originals = new Originals();
  readonly #held = new HeldOriginals();
  readonly #changed: () => void;
  readonly #touched: () => void;
  #operations: Operation[] = [];
  #lastSet: { readonly node: Node; readonly key: unknown; readonly operation: Operation } | undefined;
  #batch = 0;
  /** The view of the whole state, as long as that is the same object. */
  #rootRaw: unknown;
  #rootView: object | undefined;
  #undo: UndoLog | undefined;
  /** Why changes are refused at the moment. */
  refusal: (() => HoldfastError) | undefined;

  /**
   * `changed` is called after each change, `touched` when something is handed out that may change unseen
   * and has to be looked at. `initial` is taken over, not copied.
   */
  constructor(initial: unknown, changed: () => void, touched: () => void = () => {}) {
    this.#changed = changed;
    this.#touched = touched;
    this.#slot.value = initial;
  }

  get #slot(): { value: unknown } {
    return this.#holder.raw as { value: unknown };
  }

  /** The state itself, untracked: for encoding, never to be handed out. */
  get raw(): unknown {
    return this.#slot.value;
  }

  /** The state as user code sees it. */
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

  /** What user code gets to see of `value`, which lies at `key` of `parent`. */
  child(parent: Node, key: unknown, value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    const node = this.#nodeOf(parent, key, value);
    if (node.kind === "leaf") {
      this.#leaves.touch(node);
      this.#touched();
    }
    return this.view(node);
  }

  /** The proxy of a node; a leaf is its own. */
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
        keepers.set(node.raw, this);
        return node.raw;
    }
  }

  /** What a proxy stands for; anything else is itself. */
  readonly unwrap = (value: object): object => this.#byProxy.get(value)?.raw ?? value;

  unwrapValue(value: unknown): unknown {
    return typeof value === "object" && value !== null ? this.unwrap(value) : value;
  }

  /**
   * Makes a value ready to be stored at `key` of `parent`: something that was taken out of the state is
   * put back as it is, a tree of plain containers becomes part of the state until it is settled, and
   * everything else is copied. The caller stores it.
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
    const known = this.#byProxy.get(value);
    const isOriginal = known === undefined && this.#mayTake(parent, key, value);
    const raw = isOriginal
      ? value
      : known !== undefined && this.#mayMove(known, parent)
        ? known.raw
        : (copyValue(value, path ?? [...this.pathOf(parent), stepName(key)], this.unwrap) as object);
    const node = this.#nodeOf(parent, key, raw);
    node.parent = parent;
    node.key = key;
    node.fresh = this.#batch;
    if (isOriginal) this.#originals.add(node);
    return raw;
  }

  /** Whether a value can lie in the state as it is. A key that is an object or an item of a set cannot. */
  #mayTake(parent: Node, key: unknown, value: object): boolean {
    if (typeof key === "symbol" || kindOf(value) === "leaf") return false;
    let depth = 0;
    for (let above = parent.parent; above !== undefined; above = above.parent) depth++;
    return isPlainTree(value, depth, this.#isKnown);
  }

  readonly #isKnown = (value: object): boolean => this.#nodes.has(value) || this.#byProxy.has(value);

  /**
   * Copies in what was assigned since the last call: changes of the originals after it are nobody's
   * business. With `inUse`, user code may have them in hand: small ones lie in the state as they are until
   * they are settled without it. Throws `actor.invalid_state_value` for one that cannot be stored any more.
   */
  settle(inUse = false): void {
    if (this.#originals.isEmpty) return;
    const roots = this.#originals.take();
    this.#copyIn(inUse && this.#undo === undefined ? this.#hold(roots) : roots);
  }

  /** Goes on with those that can be held; returns those that are to be copied in. */
  #hold(roots: Iterable<Node>): Node[] {
    const released: Node[] = [];
    for (const root of roots) {
      const isHeld = this.#held.has(root) ? !this.#held.isTouched(root) : this.#committed(root);
      if (isHeld) this.#originals.add(root);
      else released.push(root);
    }
    return released.concat(this.#held.surplus());
  }

  /** Holds an original, as what is committed of it now. */
  #committed(root: Node): boolean {
    // What user code has put into it may be a view of the state: that is no tree of its own.
    if (!this.#isNamed(root) || !isPlainTree(root.raw, 0, this.#isView)) return false;
    return this.#held.add(root, copyValue(root.raw, this.pathOf(root), this.unwrap));
  }

  /** Whether a path leads to it: what lies in a set, say, is written with that. */
  #isNamed(node: Node): boolean {
    let at = node;
    for (; at.parent !== undefined && at !== this.#holder; at = at.parent) {
      if (typeof stepIn(at.parent, at) === "symbol") return false;
    }
    return at === this.#holder;
  }

  readonly #isView = (value: object): boolean => this.#byProxy.has(value);

  /** Records originals that user code has changed by its own reference since the last commit. */
  #checkHeld(): void {
    if (this.#held.isEmpty || this.refusal !== undefined) return;
    for (const [root, committed] of this.#held.changed()) {
      if (this.#committed(root)) {
        this.#recordWhole(root);
        this.#changed();
      } else this.#letGo(root, committed);
    }
  }

  /** The state keeps what was committed of an original that has become something else. */
  #letGo(root: Node, committed: unknown): void {
    this.#held.drop(root);
    this.#originals.drop(root);
    replaceIn(root, committed as object);
    this.#stand(root, committed as object);
  }

  #copyIn(roots: Iterable<Node>): void {
    const copies = new Map<object, object>();
    const settled = new Set<Node>();
    for (const root of roots) {
      // It lies in an original that came before it, and was copied with that.
      if (settled.has(root) || isOwn(root)) continue;
      const log = new CopyLog(root, (raw) => this.#nodes.get(raw));
      const copy = copyValue(root.raw, this.pathOf(root), this.unwrap, log) as object;
      // The state keeps what is its own; whoever has the original finds a copy in its place.
      const others = new Map<object, object>();
      for (const { raw } of log.kept) others.set(raw, copyValue(raw, [], this.unwrap) as object);
      if (others.size > 0) replaceWithin(root.raw, others);
      replaceIn(root, copy);
      for (const { node, copy: itsCopy, key } of log.moved) {
        copies.set(node.raw, itsCopy);
        settled.add(node);
        this.#held.drop(node);
        this.#originals.drop(node);
        node.key = key;
        this.#stand(node, itsCopy);
      }
    }
    replaceValues(this.#operations, copies);
  }

  /** From here on the node is that of `copy`. */
  #stand(node: Node, copy: object): void {
    this.#nodes.delete(node.raw);
    node.raw = copy;
    this.#nodes.set(copy, node);
    if (node.proxy === undefined) return;
    const view = this.#makeView(node);
    this.#byProxy.set(view, node);
    // What came into an original out of the state has a view of what it was there.
    if (!redirectView(node.proxy, view)) node.proxy = view;
  }

  #mayMove(node: Node, target: Node): boolean {
    if (node.parent !== undefined || node === this.#holder) return false;
    let depth = 0;
    for (let above: Node | undefined = target; above !== undefined; above = above.parent) {
      if (above === node || ++depth > maxStateDepth / 2) return false;
    }
    return true;
  }

  /** The value has lost its place in the state. */
  detach(value: unknown): void {
    if (typeof value !== "object" || value === null) return;
    const node = this.#nodes.get(value);
    if (node === undefined) return;
    // Whoever has it in hand may put it back, and it is settled by itself.
    if (!this.#originals.isEmpty && this.#originals.has(node)) this.#originals.add(node);
    if (!this.#held.isEmpty) this.#held.detached(node);
    node.parent = undefined;
  }

  /** Before any change of the container `node`: throws when changes are refused at the moment. */
  writable(node: Node): void {
    if (this.refusal !== undefined) throw this.refusal();
    this.#undo?.remember(node);
  }

  /** From now on changes can be taken back with `rollback`, until `keep`. No operations may be pending. */
  savepoint(): void {
    this.#checkHeld();
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
    this.#held.clear();
    this.#operations = [];
    this.#lastSet = undefined;
    // What was assigned since is not written whole any more.
    this.#batch++;
  }

  /** Records a change of the container `node`; `make` gets the container's path. */
  record(node: Node, make: (path: Step[]) => Operation): void {
    const place = this.#placeOf(node);
    if (place.type === "nowhere") return;
    if (place.type === "path") this.#push(make(place.path), undefined, undefined);
    else if (place.type === "whole") this.#recordWhole(place.node);
    this.#changed();
  }

  /** Records an assignment; one right after another to the same place replaces it. */
  recordSet(node: Node, key: Step, value: unknown): void {
    const last = this.#lastSet;
    if (last !== undefined && last.node === node && last.key === key) {
      last.operation[2] = value;
    } else {
      const place = this.#placeOf(node);
      if (place.type === "nowhere") return;
      if (place.type === "path") {
        place.path.push(key);
        this.#push([op.set, place.path, value], node, key);
      } else if (place.type === "whole") this.#recordWhole(place.node);
    }
    this.#changed();
  }

  /** Records that `node` is written whole: something in it changed that a path cannot name. */
  recordWhole(node: Node): void {
    const place = this.#placeOf(node);
    if (place.type === "nowhere") return;
    if (place.type === "whole") this.#recordWhole(place.node);
    else if (place.type === "path") this.#recordWhole(node);
    this.#changed();
  }

  #recordWhole(node: Node): void {
    const place = this.#locate(node);
    if (place.type === "whole") this.#recordWhole(place.node);
    if (place.type !== "path") return;
    this.#push([op.set, place.path, node.raw], undefined, undefined);
    node.fresh = this.#batch;
  }

  #push(operation: Operation, node: Node | undefined, key: unknown): void {
    this.#operations.push(operation);
    this.#lastSet = node === undefined ? undefined : { node, key, operation };
  }

  /** As `#locate`; a path into a held original says nothing, since it may have been changed unseen. */
  #placeOf(node: Node): Place {
    const place = this.#locate(node);
    if (this.#held.isEmpty || place.type === "nowhere" || place.type === "fresh") return place;
    const held = this.#held.touch(place.type === "whole" ? place.node : node);
    return held === undefined ? place : { type: "whole", node: held };
  }

  #locate(start: Node): Place {
    const path: Step[] = [];
    let whole: Node | undefined;
    let isFresh = false;
    let node = start;
    while (true) {
      if (node.fresh === this.#batch) isFresh = true;
      const parent = node.parent;
      if (parent === undefined) return detachedPlace;
      if (parent === this.#holder) break;
      const step = stepIn(parent, node);
      if (step === lost) return detachedPlace;
      if (step === inexpressible) {
        whole = parent;
        path.length = 0;
      } else path.push(step);
      node = parent;
    }
    if (isFresh) return newPlace;
    if (whole !== undefined) return { type: "whole", node: whole };
    return { type: "path", path: path.reverse() };
  }

  /** The place of a node as an error message names it. */
  pathOf(node: Node): Step[] {
    const path: Step[] = [];
    for (let at = node; at.parent !== undefined && at.parent !== this.#holder; at = at.parent) {
      const step = stepIn(at.parent, at);
      path.push(typeof step === "symbol" ? "{}" : step);
    }
    return path.reverse();
  }

  /**
   * Looks whether dates, bytes and errors that were handed out have been changed: they are handed out as
   * they are, since no proxy can stand in for them. With `forget`, they need not be looked at again.
   */
  checkLeaves(forget: boolean): void {
    this.#checkHeld();
    if (forget && !this.#held.isEmpty) this.settle();
    if (this.#leaves.empty) return;
    for (const node of this.#leaves.changed()) {
      if (this.refusal === undefined) this.recordWhole(node);
    }
    if (forget) this.#leaves.clear();
  }

  /** Nothing is pending: neither operations, nor what may be taken back, nor what has to be looked at. */
  get isSettled(): boolean {
    const isQuiet = this.#leaves.empty && this.#held.isEmpty;
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

/** Who holds a view holds its tracker. A leaf is its own view: as long as it is there, its tracker is. */
const keepers = new WeakMap<object, Tracker>();
