/** Write-through proxies of objects, arrays, maps and sets. */
import type { Node } from "../node.ts";
import type { Operation } from "../patch.ts";
import type { Path, Step } from "../value.ts";

/** What the views of a state need of the tracker that collects their changes. */
export interface ViewTracker {
  /** What user code gets to see of `value`, which lies at `key` of `parent`. */
  child(parent: Node, key: unknown, value: unknown): unknown;
  /** The proxy of a node; a leaf is its own. */
  view(node: Node): object;
  /** The value that a proxy stands for; anything else is itself. */
  readonly unwrap: (value: object) => object;
  unwrapValue(value: unknown): unknown;
  /** Makes a value ready to be stored at `key` of `parent`. The caller stores it. */
  adopt(parent: Node, key: unknown, value: unknown, path: Path | undefined): unknown;
  /** The value has lost its place in the state. */
  detach(value: unknown): void;
  /** Before any change of the container `node`: throws when changes are refused at the moment. */
  writable(node: Node): void;
  /** Records a change of the container `node`; `make` gets the container's path. */
  record(node: Node, make: (path: Step[]) => Operation): void;
  /** Records an assignment; one right after another to the same place replaces it. */
  recordSet(node: Node, key: Step, value: unknown): void;
  /** Records that `node` is written whole: something in it changed that a path cannot name. */
  recordWhole(node: Node): void;
  /** The place of a node as an error message names it. */
  pathOf(node: Node): Step[];
}
