/** Steps of a workflow: attempts, failures, timeouts, and what `onError` hears. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";
import { workflow } from "rivetkit/workflow";

const heard: Record<string, unknown>[] = [];

const flow = actor({
  state: { log: [] as string[], attempts: 0, done: false },
  options: { sleepTimeout: 50 },
  run: workflow(
    async (ctx) => {
      const value = await ctx.step("first", async (step) => {
        step.state.log.push("first");
        return { at: new Date(5), big: 7n, nested: [1, { two: 2 }] };
      });
      assert.deepEqual(value, { at: new Date(5), big: 7n, nested: [1, { two: 2 }] });
      const none = await ctx.step("nothing", async () => {});
      assert.equal(none, undefined);
      await ctx.step({
        name: "flaky",
        maxRetries: 2,
        retryBackoffBase: 1,
        retryBackoffMax: 5,
        run: async (step) => {
          step.state.attempts += 1;
          if (step.state.attempts < 3) throw new TypeError(`attempt ${step.state.attempts}`);
          step.state.log.push("flaky");
        },
      });
      await ctx.sleep("pause", 120);
      await ctx.step("context", async (step) => {
        assert.equal(step.name, "flow");
        assert.deepEqual(step.key, ["f"]);
        assert.equal(step.actorId, ctx.actorId);
        assert.ok(step.abortSignal instanceof AbortSignal);
        step.waitUntil(Promise.resolve());
        assert.equal(await step.keepAwake(Promise.resolve(3)), 3);
        step.state.log.push("context");
      });
      await ctx.sleepUntil("until", Date.now() - 10);
      await ctx.step("last", async (step) => {
        step.state.done = true;
      });
      await ctx.step({
        name: "doomed",
        maxRetries: 1,
        retryBackoffBase: 1,
        run: async () => {
          throw new Error("always");
        },
      });
    },
    {
      onError: (c, event) => {
        assert.equal(c.name, "flow");
        if ("step" in event) {
          const { stepName, attempt, maxRetries, remainingRetries, willRetry, error, retryDelay } =
            event.step;
          heard.push({
            stepName,
            attempt,
            maxRetries,
            remainingRetries,
            willRetry,
            retryDelay,
            name: error.name,
            message: error.message,
          });
        } else if ("workflow" in event)
          heard.push({ workflow: event.workflow.error.name, message: event.workflow.error.message });
        else heard.push({ rollback: event.rollback.stepName });
      },
    },
  ),
  actions: { view: (c) => ({ log: [...c.state.log], done: c.state.done }) },
});

export const registry = setup({ use: { flow } });

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error("it did not come");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.flow.getOrCreate(["f"]);
  await handle.view();
  await until(() => heard.length >= 4);
  const seen = heard.map(({ stepName, attempt, remainingRetries, willRetry, retryDelay, name, message }) =>
    [stepName, attempt, remainingRetries, willRetry, retryDelay ?? "none", name, message].join(" "),
  );
  assert.deepEqual(seen, [
    "flaky 1 2 true 2 TypeError attempt 1",
    "flaky 2 1 true 4 TypeError attempt 2",
    "doomed 1 1 true 2 Error always",
    "doomed 2 0 false none Error always",
  ]);
  assert.deepEqual(await handle.view(), { log: ["first", "flaky", "context"], done: true });
  await client.dispose();
}
