/** Write-through proxies of objects, arrays, maps and sets. */
import type { Node } from "../node.ts";
import type { Operation } from "../patch.ts";
import type { Path, Step } from "../value.ts";

/** The tracker of a state, as the views use it. */
export interface ViewTracker {
  /** The view of `value`, which is at `key` of `parent`. */
  child(parent: Node, key: unknown, value: unknown): unknown;
  /** The proxy of a node; a leaf is returned itself. */
  view(node: Node): object;
  /** The target of a view; any other value is returned unchanged. */
  readonly unwrap: (value: object) => object;
  unwrapValue(value: unknown): unknown;
  /** Prepares a value for storage at `key` of `parent`. The caller stores the result. */
  adopt(parent: Node, key: unknown, value: unknown, path: Path | undefined): unknown;
  /** Detaches a value that was removed from the state. */
  detach(value: unknown): void;
  /** Called before any change of the container `node`: throws if changes are refused. */
  writable(node: Node): void;
  /** Records a change of the container `node`; `make` receives the path of the container. */
  record(node: Node, make: (path: Step[]) => Operation): void;
  /** Records an assignment; it replaces a directly preceding one to the same key. */
  recordSet(node: Node, key: Step, value: unknown): void;
  /** Records that `node` is written completely: a change within it has no path. */
  recordWhole(node: Node): void;
  /** The path of a node, as shown in error messages. */
  pathOf(node: Node): Step[];
}
