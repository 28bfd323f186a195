import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startServerProcess, temporary, until } from "./harness.ts";

test("a server logs its requests to a file of the day, as the peer's variables say", async (t) => {
  const logs = join(await temporary(t), "logs");
  const before = { ...process.env };
  t.after(() => {
    process.env = before;
  });
  process.env["SANDBOX_AGENT_LOG_DIR"] = logs;
  process.env["SANDBOX_AGENT_LOG_HTTP"] = "1";
  const { client } = await startServerProcess(t);
  await client.health();
  const written = () =>
    readdirSync(logs)
      .map((name) => readFileSync(join(logs, name), "utf8"))
      .join("");
  await until("the request is in the log", () => /"request answered"/.test(written()));
  assert.match(readdirSync(logs)[0] ?? "", /^sandbox-\d{4}-\d{2}-\d{2}\.log$/);
});
