import { encodeValue, HoldfastError } from "@holdfast/core";
import { afterPrefix } from "../../kv/entry-buffer.ts";
import type { ActorCore } from "../../lifecycle/actor-core.ts";
import { recordPrefix } from "../../lifecycle/part.ts";
import { checkName, historySpace } from "../history/location.ts";
import { decodeBox, encodeBox } from "../history/record.ts";
import { workflowLimits } from "../limits.ts";

type SignalsDependencies = Pick<ActorCore, "records" | "state">;

interface Signal {
  readonly key: Uint8Array;
  readonly name: string;
  readonly payload: unknown;
}

const prefix = new Uint8Array([recordPrefix.workflowHistory, historySpace.signal]);

/** Received signals that the workflow has not taken, in order of arrival. */
export class Signals {
  readonly #actor: SignalsDependencies;
  readonly #waiting = new Set<() => void>();
  #pending: Signal[] = [];
  #next = 1;
  #before: Signal[] | undefined;

  constructor(actor: SignalsDependencies) {
    this.#actor = actor;
  }

  get size(): number {
    return this.#pending.length;
  }

  async load(): Promise<void> {
    const found = await this.#actor.records.list({ start: prefix, end: afterPrefix(prefix) });
    const stored = found.map(({ key, value }): Signal => {
      const [name, payload] = decodeBox(value) as [string, unknown];
      this.#next = Math.max(this.#next, numberOf(key) + 1);
      return { key, name, payload };
    });
    this.#pending = [...stored, ...this.#pending];
  }

  /** Stores a signal until it is taken. Throws `workflow.signals_full`, `workflow.signal_too_large`. */
  add(name: unknown, payload: unknown): void {
    checkName(name, "signal");
    if (this.#pending.length >= workflowLimits.maxSignals) {
      const message = `A workflow has at most ${workflowLimits.maxSignals} signals that it has not taken`;
      throw new HoldfastError("workflow", "signals_full", message, { statusCode: 429 });
    }
    const plain = this.#actor.state.unwrap(payload);
    if (encodeValue(plain).length > workflowLimits.maxSignalBytes) {
      const message = `The payload of a signal has at most ${workflowLimits.maxSignalBytes} bytes`;
      throw new HoldfastError("workflow", "signal_too_large", message, { statusCode: 413 });
    }
    this.#pending.push(this.#keep(this.#next++, name, plain));
    this.#notify();
  }

  #keep(number: number, name: string, payload: unknown): Signal {
    const key = keyOf(number);
    const box = encodeBox([name, payload]);
    this.#actor.records.put(key, box);
    const [, kept] = decodeBox(box) as [string, unknown];
    return { key, name, payload: kept };
  }

  #notify(): void {
    for (const notify of [...this.#waiting]) notify();
  }

  /** Undoes a {@link take}: the signal becomes the first one again. */
  putBack(name: string, payload: unknown): void {
    if (this.#pending[0] !== undefined && numberOf(this.#pending[0].key) === 0) this.#makeRoom();
    const [first] = this.#pending;
    if (first === undefined) this.#pending.push(this.#keep(this.#next++, name, payload));
    else this.#pending.unshift(this.#keep(numberOf(first.key) - 1, name, payload));
    this.#notify();
  }

  /** No number is lower than that of the first: all move up by one, the last one first, to avoid collisions. */
  #makeRoom(): void {
    this.#next++;
    for (const [at, { key, name, payload }] of [...this.#pending.entries()].reverse()) {
      this.#actor.records.delete(key);
      this.#pending[at] = this.#keep(numberOf(key) + 1, name, payload);
    }
  }

  /** Takes the oldest signal of this name; its record is deleted with the open turn. */
  take(name: string): { readonly payload: unknown } | undefined {
    const at = this.#pending.findIndex((signal) => signal.name === name);
    const signal = this.#pending[at];
    if (signal === undefined) return undefined;
    this.#pending.splice(at, 1);
    this.#actor.records.delete(signal.key);
    return { payload: signal.payload };
  }

  savepoint(): void {
    this.#before = [...this.#pending];
  }

  rollback(): void {
    if (this.#before !== undefined) this.#pending = this.#before;
  }

  /** Calls `arrived` for each signal until the returned function is called. */
  subscribe(arrived: () => void): () => void {
    this.#waiting.add(arrived);
    return () => this.#waiting.delete(arrived);
  }
}

function keyOf(number: number): Uint8Array {
  const key = new Uint8Array(prefix.length + 8);
  key.set(prefix);
  new DataView(key.buffer).setBigUint64(prefix.length, BigInt(number));
  return key;
}

function numberOf(key: Uint8Array): number {
  return Number(new DataView(key.buffer, key.byteOffset).getBigUint64(prefix.length));
}
