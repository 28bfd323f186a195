import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { createNetwork, namespacesMissing } from "./partitioned-network.ts";

const missing = namespacesMissing();

/** The tests themselves run in a namespace of that network, as the database and the clients do. */
test("three nodes in a network that is partitioned", { skip: missing ?? false }, async (t) => {
  const network = createNetwork(3);
  t.after(() => network.remove());
  const inside = new URL("partitions-inside.ts", import.meta.url).pathname;
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn("ip", ["netns", "exec", network.hub, process.execPath, inside], {
    env: { ...env, TEST_HOSTS: JSON.stringify(network.hosts) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  t.diagnostic(output);
  assert.equal(code, 0, output);
});
