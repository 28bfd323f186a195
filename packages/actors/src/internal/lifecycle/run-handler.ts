import { HoldfastError, messageOf, type Timer } from "@holdfast/core";
import { actorLimits } from "../../limits.ts";
import type { RunControl } from "../../types.ts";
import { Context } from "../calls/context.ts";
import type { RunDefinition } from "../definition/runtime-definition.ts";
import type { ActorCore } from "./actor-core.ts";
import { metaKey, readMeta, writeMeta } from "./meta-records.ts";
import { type HotRecords, type Part, recordPrefix } from "./part.ts";

type RunHandlerDependencies = Pick<
  ActorCore,
  | "activity"
  | "context"
  | "errors"
  | "inTransaction"
  | "log"
  | "phase"
  | "ports"
  | "queue"
  | "records"
  | "turn"
>;

/** The `run` handler of one actor: started with it, and again at the time that it has requested. */
export class RunHandler implements Part, RunControl {
  readonly #actor: RunHandlerDependencies;
  readonly #run: RunDefinition;
  #running = false;
  #wakeAt: number | undefined;
  #wakeAtBefore: number | undefined;
  #timer: Timer | undefined;

  constructor(actor: RunHandlerDependencies, run: RunDefinition) {
    this.#actor = actor;
    this.#run = run;
  }

  get wakeAt(): number | undefined {
    return this.#wakeAt;
  }

  load(hot: HotRecords): void {
    this.#wakeAt = readMeta(hot.get(recordPrefix.meta), metaKey.runWakeAt);
  }

  started(): void {
    this.#clearIfDue();
    this.#arm();
    this.#start();
  }

  async setWakeAt(at: number | null): Promise<void> {
    if (at !== null && (typeof at !== "number" || !Number.isFinite(at))) {
      throw new HoldfastError(
        "actor",
        "invalid_wake_at",
        "setWakeAt takes milliseconds since the epoch, or null",
        {
          statusCode: 400,
        },
      );
    }
    this.#set(at === null ? undefined : Math.ceil(at));
    this.#arm();
  }

  #set(at: number | undefined): void {
    if (at === this.#wakeAt) return;
    writeMeta(this.#actor.records, metaKey.runWakeAt, at);
    this.#wakeAt = at;
  }

  #clearIfDue(): boolean {
    if (this.#wakeAt === undefined || this.#wakeAt > this.#actor.ports.clock.now()) return false;
    this.#set(undefined);
    return true;
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const { ports, phase } = this.#actor;
    if (this.#wakeAt === undefined || phase.status !== "ready") return;
    const delay = Math.min(Math.max(0, this.#wakeAt - ports.clock.now()), actorLimits.maxTimerMs);
    this.#timer = ports.tasks.after(delay, () => {
      this.#timer = undefined;
      // A rollback could undo the record of the wake-up, and the handler would be woken again.
      if (this.#actor.phase.status !== "ready" || this.#actor.inTransaction) return;
      // A running handler does not have to be woken.
      if (this.#clearIfDue()) this.#start();
      else this.#arm();
    });
  }

  #start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#actor.activity.runBegan();
    void this.#perform();
  }

  /** The actor continues, however the handler ends. */
  async #perform(): Promise<void> {
    const actor = this.#actor;
    const context = new Context(actor.context);
    try {
      await actor.turn.enter(() => this.#run.handler(context));
      context.ended(true);
    } catch (error) {
      context.ended(false);
      // An error thrown because the actor stops is not a failure of the handler.
      if (actor.phase.status === "ready") {
        actor.log.error("run handler failed", {
          error: messageOf(error),
        });
        actor.errors.report(error);
      }
    }
    this.#running = false;
    actor.queue.close();
    actor.activity.runEnded();
  }

  savepoint(): void {
    this.#wakeAtBefore = this.#wakeAt;
  }

  rollback(): void {
    this.#wakeAt = this.#wakeAtBefore;
    this.#arm();
  }

  keep(): void {
    this.#arm();
  }

  stopping(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  stopped(): void {
    this.stopping();
  }
}
