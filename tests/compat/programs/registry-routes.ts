/** A registry in a server of one's own: `handler`, `serve`, its fixed routes, and its configuration. */
import assert from "node:assert/strict";
import { actor, isStaticActorDefinition, lookupInRegistry, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

const counter = actor({
  options: { name: "Counter", icon: "🔢" },
  state: { count: 0 },
  actions: {
    increment: (c, by: number) => {
      c.state.count += by;
      return c.state.count;
    },
  },
});

export const registry = setup({ use: { counter }, noWelcome: true, maxIncomingMessageSize: 32_768 });

export async function program(endpoint: string): Promise<void> {
  assert.equal((await registry.routes.health()).status, 200);
  assert.equal((await registry.routes.metadata()).status, 200);
  assert.equal(registry.config.use.counter, counter);
  const config = registry.parseConfig();
  assert.equal(config["maxIncomingMessageSize"], 32_768);
  assert.equal(config["maxOutgoingMessageSize"], 1_048_576);
  assert.equal(lookupInRegistry(config, "counter"), counter);
  assert.throws(() => lookupInRegistry(config, "nobody"));
  assert.ok(isStaticActorDefinition(counter));
  assert.equal(typeof registry.serve().fetch, "function");
  // Neither is allowed by the types; at run time the peer looks at its own options alone.
  assert.doesNotThrow(() => setup({ use: { counter }, nonsense: true } as never).parseConfig());
  assert.throws(() => setup({ use: [counter] } as never).parseConfig());

  const client = createClient<typeof registry>(endpoint);
  assert.equal(await client.counter.getOrCreate(["a"]).increment(2), 2);
  const big = "x".repeat(40_000) as unknown as number;
  await assert.rejects(client.counter.getOrCreate(["a"]).increment(big), { code: "incoming_too_long" });
  await client.dispose();
}
