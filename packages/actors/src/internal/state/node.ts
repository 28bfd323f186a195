import type { Kind } from "./value.ts";

/**
 * An object of the state that user code has reached. A state is a tree, so an object has one position. `parent` is
 * undefined after the object has left the state; changes to it are ignored from then on.
 */
export class Node {
  /** Replaced only once, when an assigned original is replaced by its copy. */
  raw: object;
  readonly kind: Kind;
  parent: Node | undefined;
  /** Position within the parent; for an array a hint, which `stepIn` verifies. */
  key: unknown;
  /** The batch in which it was assigned: it is written completely and needs no operations of its own. */
  fresh = -1;
  /** Created when user code first reaches the object; a leaf has no proxy. */
  proxy: object | undefined;

  constructor(raw: object, kind: Kind, parent: Node | undefined, key: unknown) {
    this.raw = raw;
    this.kind = kind;
    this.parent = parent;
    this.key = key;
  }
}
