import type { Node } from "./node.ts";
import { setOwn } from "./value.ts";

type Entries = readonly (readonly [key: unknown, value: unknown])[];

/**
 * The former contents of the containers that a transaction has changed. A rollback restores the containers in place,
 * so all views that user code holds stay valid.
 */
export class UndoLog {
  readonly #before = new Map<Node, Entries>();

  /** Called before each change; only the first call for a container has an effect. */
  remember(node: Node): void {
    if (!this.#before.has(node)) this.#before.set(node, entriesOf(node));
  }

  rollback(nodeOf: (raw: object) => Node | undefined): void {
    for (const node of this.#before.keys()) {
      for (const [key, value] of entriesOf(node)) {
        for (const child of [key, value]) {
          if (typeof child !== "object" || child === null) continue;
          const childNode = nodeOf(child);
          if (childNode !== undefined) childNode.parent = undefined;
        }
      }
    }
    for (const [node, entries] of this.#before) {
      put(node, entries);
      for (const [key, value] of entries) {
        adopt(node, key, value, nodeOf);
        if (node.kind === "map" || node.kind === "set") adopt(node, key, key, nodeOf);
      }
    }
  }
}

function adopt(parent: Node, key: unknown, child: unknown, nodeOf: (raw: object) => Node | undefined): void {
  if (typeof child !== "object" || child === null) return;
  const node = nodeOf(child);
  if (node === undefined) return;
  node.parent = parent;
  node.key = key;
}

function entriesOf({ kind, raw }: Node): Entries {
  switch (kind) {
    case "array":
      return (raw as unknown[]).map((item, index) => [index, item] as const);
    case "map":
      return [...(raw as Map<unknown, unknown>)];
    case "set":
      return [...(raw as Set<unknown>)].map((item) => [item, item] as const);
    case "object":
      return Object.entries(raw);
    case "leaf":
      return [];
  }
}

function put({ kind, raw }: Node, entries: Entries): void {
  switch (kind) {
    case "array": {
      const items = raw as unknown[];
      items.length = 0;
      for (const [, item] of entries) items.push(item);
      return;
    }
    case "map": {
      const map = raw as Map<unknown, unknown>;
      map.clear();
      for (const [key, value] of entries) map.set(key, value);
      return;
    }
    case "set": {
      const set = raw as Set<unknown>;
      set.clear();
      for (const [item] of entries) set.add(item);
      return;
    }
    case "object": {
      const record = raw as Record<string, unknown>;
      for (const key of Object.keys(record)) delete record[key];
      for (const [key, value] of entries) setOwn(record, String(key), value);
      return;
    }
    case "leaf":
      return;
  }
}
