import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { History, type Model } from "@holdfast/testing/sim";
import { clientOf, eventually, type TestNode } from "./nodes.ts";

type Operation = { readonly type: "add"; readonly by: number } | { readonly type: "read" };

const counterModel: Model<Operation, number> = {
  initial: "0",
  apply: (state, operation, result) => {
    const next = Number(state) + (operation.type === "add" ? operation.by : 0);
    return result === undefined || result === next ? String(next) : undefined;
  },
};

/** Clients that add to and read one counter through different nodes, and record what they see. */
export class RecordedCounter {
  readonly history = new History<Operation, number>();
  readonly #clients: readonly Promise<void>[];
  #isStopped = false;

  constructor(t: TestContext, nodes: readonly TestNode[], key: string) {
    t.after(() => this.stop());
    this.#clients = nodes.map((node, at) => this.#run(node, key, at));
  }

  /** Resolves when each of the counters has seen so many more operations. */
  static async longer(counters: readonly RecordedCounter[], operations: number): Promise<void> {
    const goals = counters.map(({ history }) => history.length + operations);
    await eventually("operations of all counters", () =>
      counters.every(({ history }, at) => history.length >= (goals[at] ?? 0)) ? true : undefined,
    );
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#clients);
  }

  /** The answers fit one order of the operations in which none is before it was asked or after it was answered. */
  check(): void {
    assert.equal(this.history.check(counterModel), "linearizable", String(this.history));
  }

  async #run(node: TestNode, key: string, at: number): Promise<void> {
    const counter = clientOf(node).counter.getOrCreate([key]);
    for (let round = at; !this.#isStopped; round++) {
      const operation: Operation = round % 3 === 0 ? { type: "read" } : { type: "add", by: round };
      // A failed operation stays in the history as one that may have run.
      await this.history
        .record(operation, () => (operation.type === "read" ? counter.read() : counter.add(operation.by)))
        .catch(() => undefined);
      // A history that is too long cannot be checked.
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
