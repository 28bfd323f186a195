import { HoldfastError } from "@holdfast/core";
import { Context } from "../../calls/context.ts";
import { containListenerErrors } from "../../calls/user-signal.ts";
import type { LockHolder } from "../../turn/transaction-lock.ts";
import type { Entry } from "../history/history.ts";
import type { Fiber, WorkflowRun } from "../run/run.ts";

/** Members that may be read after a step has ended: none of them can change the actor. */
const always: ReadonlySet<PropertyKey> = new Set<PropertyKey>([
  "actorId",
  "name",
  "key",
  "region",
  "log",
  "workflowId",
  "abortSignal",
  "aborted",
  "isEvicted",
  "idempotencyKey",
  "attempt",
]);

export function outsideStep(member: PropertyKey): HoldfastError {
  const message = `${String(member)} is only available inside workflow steps`;
  return new HoldfastError("workflow", "outside_step", message, { metadata: { member: String(member) } });
}

/** How a step runs beside the rest of its actor; `inside` means that it holds the transaction lock. */
export type StepMode = "inside" | "outside" | "atomic";

/** A step that waits for its own transaction must not be waited for by that transaction. */
async function transact<T>(
  run: WorkflowRun,
  mode: StepMode,
  target: Context,
  insider: LockHolder,
  fn: () => T | Promise<T>,
): Promise<T> {
  if (mode === "outside") return target.transaction(fn);
  if (mode === "atomic") {
    const message = "An atomic step is a transaction already; they cannot be nested";
    throw new HoldfastError("actor", "nested_transaction", message, { statusCode: 500 });
  }
  const { transactionLock } = run.actor;
  const parks = transactionLock.park(insider);
  try {
    return await target.transaction(fn);
  } finally {
    if (parks) transactionLock.unpark(insider);
  }
}

/** The context object behind the proxy of a step; also identifies contexts of steps. */
export class StepTarget extends Context {}

/** The context of one attempt of a step. Access to the actor is revoked when the attempt ends. */
export class StepScope {
  /** The object that user code gets. */
  readonly context: object;
  readonly #controller = new AbortController();
  readonly #fiber: Fiber;
  readonly #cancel: () => void;
  readonly #run: WorkflowRun;
  /** Its place in the transaction lock, in the mode that holds it. */
  readonly #insider = { entered: true, parked: false };
  #open = true;

  constructor(run: WorkflowRun, fiber: Fiber, entry: Entry, attempt: number, mode: StepMode) {
    this.#fiber = fiber;
    this.#run = run;
    this.#cancel = () => this.#controller.abort(fiber.signal.reason);
    if (fiber.signal.aborted) this.#cancel();
    else fiber.signal.addEventListener("abort", this.#cancel, { once: true });
    const signal = containListenerErrors(this.#controller.signal, (error) => run.actor.errors.report(error));
    const target = new StepTarget(run.actor.context);
    const extra: Readonly<Record<string, unknown>> = {
      workflowId: run.actor.id,
      abortSignal: signal,
      isEvicted: () => run.evicted,
      idempotencyKey: `${run.actor.id}:${run.owner.generation}:${entry.ordinal}`,
      attempt,
      transaction: <T>(fn: () => T | Promise<T>) => transact(run, mode, target, this.#insider, fn),
    };
    this.context = new Proxy(target, {
      get: (_target, member) => {
        if (!this.#open && typeof member === "string" && !always.has(member)) {
          run.owner.usedOutsideStep(member);
          throw outsideStep(member);
        }
        if (typeof member === "string" && Object.hasOwn(extra, member)) return extra[member];
        if (member === "aborted") return signal.aborted;
        const value: unknown = Reflect.get(target, member, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
      set: (_target, member, value) => {
        if (!this.#open) {
          run.owner.usedOutsideStep(String(member));
          throw outsideStep(member);
        }
        return Reflect.set(target, member, value, target);
      },
    });
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  close(): void {
    this.#open = false;
    this.#insider.entered = false;
    if (this.#insider.parked) this.#run.actor.transactionLock.unpark(this.#insider);
    this.#fiber.signal.removeEventListener("abort", this.#cancel);
  }
}
