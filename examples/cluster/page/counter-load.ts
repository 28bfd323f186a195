/** A client that adds to a counter without end, one call after the other, and checks each answer. */
import type { Client } from "holdfast/client";
import type { DemoRegistry } from "../actors.ts";
import { note } from "./timeline.ts";

export interface CounterView {
  /** Calls that were answered. */
  readonly acknowledged: number;
  /** What the actor has counted, as of the last answer. */
  readonly stored: number;
  /** Node that gave the last answer. */
  readonly node: string;
  /** Durations of the latest calls in milliseconds, the latest last. */
  readonly durations: readonly number[];
  readonly longestMs: number;
  /** When the call in progress began, in milliseconds of `performance.now()`. */
  readonly since: number | undefined;
  /** Errors that reached the program; the client repeats calls by itself. */
  readonly errors: number;
}

const pauseMs = 120;
const shown = 80;
const worthNotingMs = 1_000;

export class CounterLoad {
  view: CounterView = {
    ...{ acknowledged: 0, stored: 0, node: "", durations: [], longestMs: 0, since: undefined, errors: 0 },
  };
  readonly #listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  async run(client: Client<DemoRegistry>): Promise<never> {
    // Nobody else adds to this one, so its count must be the number of answers.
    const counter = client.counter.getOrCreate([crypto.randomUUID()]);
    for (;;) {
      const since = performance.now();
      this.#set({ since });
      try {
        const { count, node } = await counter.add(1);
        this.#answered(count, node, performance.now() - since);
      } catch (error) {
        note(`The counter's client gave up on a call: ${String(error)}`, "seen");
        this.#set({ errors: this.view.errors + 1, since: undefined });
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  #answered(count: number, node: string, durationMs: number): void {
    const { view } = this;
    const pause = durationMs >= worthNotingMs ? ` after ${(durationMs / 1_000).toFixed(1)} s` : "";
    if (view.node !== "" && view.node !== node) note(`The counter answers from ${node}${pause}`, "seen");
    else if (pause !== "") note(`The counter answers again${pause}`, "seen");
    this.#set({
      acknowledged: view.acknowledged + 1,
      stored: count,
      node,
      durations: [...view.durations, durationMs].slice(-shown),
      longestMs: Math.max(view.longestMs, durationMs),
      since: undefined,
    });
  }

  #set(change: Partial<CounterView>): void {
    this.view = { ...this.view, ...change };
    for (const listener of this.#listeners) listener();
  }
}
