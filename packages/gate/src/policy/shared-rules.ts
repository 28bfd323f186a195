import type { PolicyRule } from "./rule.ts";

/** Port: proposed rules that people accepted ("always allow"), for the gates of all nodes. */
export interface SharedRules {
  list(): Promise<readonly PolicyRule[]>;
  /** Durable when it resolves. A rule with a known id changes nothing. */
  add(rule: PolicyRule): Promise<void>;
  /** Returns whether there was one. */
  remove(id: string): Promise<boolean>;
  /** Calls back after each change at any node, and when changes may have been missed. Returns a function that ends it. */
  onChange(listener: () => void): () => void;
}
