import type { HotRecords, Part } from "./part.ts";
import type { Runtime } from "./runtime.ts";

/**
 * The parts of one running actor. A part is made when the definition asks for it, when it has records,
 * or when user code first uses it: an actor pays for nothing else.
 */
export class Parts {
  readonly #all: Part[] = [];
  protected readonly runtime: Runtime;

  constructor(runtime: Runtime) {
    this.runtime = runtime;
  }

  /** Makes the parts that are needed from the start and loads them. */
  async load(hot: HotRecords, isNew: boolean): Promise<void> {
    for (const part of this.#all) await part.load?.(hot, isNew);
  }

  started(): void {
    for (const part of this.#all) part.started?.();
  }

  closing(): void {
    for (const part of this.#all) part.closing?.();
  }

  landed(version: number): void {
    for (const part of this.#all) part.landed?.(version);
  }

  /** The earliest time at which a part wants the actor in memory. */
  get wakeAt(): number | undefined {
    let earliest: number | undefined;
    for (const { wakeAt } of this.#all) {
      if (wakeAt !== undefined && (earliest === undefined || wakeAt < earliest)) earliest = wakeAt;
    }
    return earliest;
  }

  stopping(): void {
    for (const part of this.#all) part.stopping?.();
  }

  stopped(): void {
    for (const part of this.#all) part.stopped?.();
  }
}
