import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type Client, createClient } from "holdfast/client";
import type { ClusterRegistry } from "./actors.ts";
import { eventually, type TestNode } from "./nodes.ts";

/** Between two calls of a caller: a load that takes all cores slows down the fault that it is about. */
const pauseMs = 160;

/**
 * Callers that add 1 to one counter. Each result of `add` is a number that no other call may get: a call that is lost
 * after its acknowledgement, or that takes effect twice, shows in them.
 */
export class CounterLoad {
  readonly results: number[] = [];
  readonly errors: string[] = [];
  readonly #key: string;
  readonly #urls: () => readonly string[];
  readonly #clients = new Map<string, Client<ClusterRegistry>>();
  #isStopped = false;
  readonly #callers: readonly Promise<void>[];

  /** The callers stop at the end of the test. */
  constructor(t: TestContext, via: TestNode | (() => readonly string[]), key: string, callers: number) {
    this.#key = key;
    this.#urls = typeof via === "function" ? via : () => [via.url];
    t.after(() => this.stop());
    this.#callers = Array.from({ length: callers }, (_, index) => this.#call(index));
  }

  get count(): number {
    return this.results.length;
  }

  /** Results that were given out twice. */
  static repeated(loads: readonly CounterLoad[]): readonly number[] {
    const all = loads.flatMap(({ results }) => results).sort((a, b) => a - b);
    return all.filter((value, index) => value === all[index - 1]);
  }

  async acknowledged(total: number): Promise<void> {
    await eventually(`${total} calls of ${this.#key}; errors: ${this.errors.join("; ")}`, () =>
      this.results.length >= total ? true : undefined,
    );
  }

  acknowledgedMore(more: number): Promise<void> {
    return this.acknowledged(this.results.length + more);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#callers);
  }

  /** The counter has every acknowledged call once, and failed ones at most once. */
  async check(others = 0): Promise<void> {
    assert.deepEqual(CounterLoad.repeated([this]), []);
    const count = await this.#client(0).counter.getOrCreate([this.#key]).read();
    const known = this.results.length + others;
    const atMost = known + this.errors.length;
    assert.ok(count >= known && count <= atMost, `${count} is not from ${known} to ${atMost}`);
  }

  async #call(index: number): Promise<void> {
    for (let call = 0; !this.#isStopped; call++) {
      try {
        this.results.push(
          await this.#client(index + call)
            .counter.getOrCreate([this.#key])
            .add(1),
        );
      } catch (error) {
        this.errors.push(error instanceof Error ? error.message : String(error));
      }
      await delay(pauseMs);
    }
  }

  #client(index: number): Client<ClusterRegistry> {
    const urls = this.#urls();
    const url = urls[index % urls.length] ?? "";
    const known = this.#clients.get(url) ?? createClient<ClusterRegistry>(url);
    this.#clients.set(url, known);
    return known;
  }
}
