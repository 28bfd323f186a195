import type { Kind } from "./value.ts";

/**
 * One object of a state that user code has reached. A state is a tree, so an object has one place;
 * `parent` is undefined once it has none, and then changes to it are nobody's business.
 */
export class Node {
  /** Becomes another object once only: when an original is settled. */
  raw: object;
  readonly kind: Kind;
  parent: Node | undefined;
  /** Where in the parent it is; for an array a hint that `locate` checks. */
  key: unknown;
  /** The batch in which it was assigned: it is written whole, and needs no operations of its own. */
  fresh = -1;
  /** Made when user code first reaches it; a leaf is handed out as it is. */
  proxy: object | undefined;

  constructor(raw: object, kind: Kind, parent: Node | undefined, key: unknown) {
    this.raw = raw;
    this.kind = kind;
    this.parent = parent;
    this.key = key;
  }
}
