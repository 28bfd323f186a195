import { constants } from "node:os";
import { Errno } from "./errno.ts";
import { rootNode } from "./fuse/wire.ts";
import type { Spool } from "./spool.ts";

/** A file or folder that the kernel knows by a number. */
export class TreeNode {
  readonly id: number;
  /** Undefined for the root, and for what was removed. */
  parent: TreeNode | undefined;
  name: string;
  readonly children = new Map<string, TreeNode>();
  /** How often the kernel was told of it and has not forgotten it. */
  lookups = 0;
  /** Local copy while it is written. */
  spool: Promise<Spool> | undefined;
  /** Handles that are open. */
  handles = 0;
  /** Handles that are open for writing. */
  writers = 0;

  constructor(id: number, parent: TreeNode | undefined, name: string) {
    this.id = id;
    this.parent = parent;
    this.name = name;
  }
}

/** Numbers of files and their paths, which follow renames. */
export class Tree {
  readonly #base: string;
  readonly #nodes = new Map<number, TreeNode>();
  #lastId = rootNode;

  constructor(base: string) {
    this.#base = base.replace(/\/+$/, "");
    this.#nodes.set(rootNode, new TreeNode(rootNode, undefined, ""));
  }

  /** ESTALE for an unknown number. */
  get(id: number): TreeNode {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new Errno(constants.errno.ESTALE);
    return node;
  }

  /** Path in the other sandbox; undefined for what was removed. */
  find(node: TreeNode): string | undefined {
    if (node.id === rootNode) return this.#base === "" ? "/" : this.#base;
    const parent = node.parent && this.find(node.parent);
    if (parent === undefined) return undefined;
    return `${parent === "/" ? "" : parent}/${node.name}`;
  }

  /** As {@link find}; ESTALE for what was removed. */
  path(node: TreeNode): string {
    const path = this.find(node);
    if (path === undefined) throw new Errno(constants.errno.ESTALE);
    return path;
  }

  childPath(parent: TreeNode, name: string): string {
    const path = this.path(parent);
    return `${path === "/" ? "" : path}/${name}`;
  }

  /** The child that the kernel is told of now. */
  child(parent: TreeNode, name: string): TreeNode {
    let node = parent.children.get(name);
    if (node === undefined) {
      this.#lastId += 1;
      node = new TreeNode(this.#lastId, parent, name);
      parent.children.set(name, node);
      this.#nodes.set(node.id, node);
    }
    node.lookups += 1;
    return node;
  }

  forget(id: number, count: number): void {
    const node = this.#nodes.get(id);
    if (node === undefined || id === rootNode) return;
    node.lookups -= count;
    if (node.lookups > 0) return;
    this.#nodes.delete(id);
    this.#detach(node);
  }

  remove(parent: TreeNode, name: string): void {
    const node = parent.children.get(name);
    if (node !== undefined) this.#detach(node);
  }

  move(from: TreeNode, name: string, to: TreeNode, newName: string): void {
    this.remove(to, newName);
    const node = from.children.get(name);
    if (node === undefined) return;
    this.#detach(node);
    node.parent = to;
    node.name = newName;
    to.children.set(newName, node);
  }

  /** All that the kernel knows. */
  nodes(): Iterable<TreeNode> {
    return this.#nodes.values();
  }

  #detach(node: TreeNode): void {
    if (node.parent?.children.get(node.name) === node) node.parent.children.delete(node.name);
    node.parent = undefined;
  }
}
