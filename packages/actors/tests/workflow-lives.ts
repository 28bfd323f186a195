import assert from "node:assert/strict";
import { type ActorInstance, type AnyDefinition, createInstance } from "@holdfast/actors";
import { createMemoryStore } from "@holdfast/test-kit/memory-store";
import { type FaultyStore, faultyStore } from "@holdfast/testing";
import { call, testPorts } from "./harness.ts";
import { settle } from "./workflow-harness.ts";

/** The state of an actor with the actions `get` and `status`, once its workflow has ended. */
export interface Ended {
  readonly log: string[];
  readonly restarts: number;
}

export interface Lifetime {
  readonly store: FaultyStore;
  /** Runs until the workflow has ended in `state`, and restarts the actor whenever it has stopped. */
  live(): Promise<Ended>;
}

/** Runs one actor whose `nth` commit fails, before or after it is applied. */
export function createLifetime(
  definition: AnyDefinition,
  state: "completed" | "failed",
  fail?: { readonly nth: number; readonly when: "before" | "after" },
): Lifetime {
  const ports = testPorts();
  const store = faultyStore(
    createMemoryStore({ ports }),
    fail === undefined ? [] : [{ operation: "commit", ...fail }],
  );
  const host = { ports, store, report: () => {}, client: () => ({}) };
  const options = { definition, id: "a", name: "test", key: ["a"], host };
  const start = async (): Promise<ActorInstance> => {
    const record = await store.get("a");
    if (record === undefined) return createInstance({ ...options, epoch: 1, start: { type: "create" } });
    const loaded = await store.acquire("a");
    return createInstance({ ...options, epoch: loaded.record.epoch, start: { type: "wake", loaded } });
  };
  return {
    store,
    async live() {
      let restarts = 0;
      let instance = await start();
      for (let round = 0; round < 200; round++) {
        await settle(4);
        if (instance.status === "stopped") {
          restarts++;
          instance = await start();
          continue;
        }
        try {
          const status = (await call(instance, "status")) as { state: string; error?: unknown };
          if (status.state === state) {
            const { log } = (await call(instance, "get")) as { log: string[] };
            await instance.sleep();
            if ((instance.status as string) === "stopped" && (await instance.stopped) === "slept")
              return { log, restarts };
          } else if (state === "completed") {
            assert.notEqual(status.state, "failed", JSON.stringify(status.error));
          }
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
        }
        ports.advance(10);
      }
      throw new Error("the workflow has not ended");
    },
  };
}

/** Makes each commit of the actor fail, before and after it is applied, and checks the result. */
export async function forEachFailure(
  definition: AnyDefinition,
  state: "completed" | "failed",
  check: (log: readonly string[], what: string) => void,
): Promise<void> {
  const whole = createLifetime(definition, state);
  check((await whole.live()).log, "nothing failed");
  const commits = whole.store.calls("commit");
  assert.ok(commits > 15, `${commits} commits`);
  for (const when of ["before", "after"] as const) {
    for (let nth = 1; nth <= commits; nth++) {
      const { log, restarts } = await createLifetime(definition, state, { nth, when }).live();
      check(log, `commit ${nth} failed ${when} it was applied`);
      assert.ok(restarts >= 1, `commit ${nth} ${when}: ${restarts} restarts`);
    }
  }
}
