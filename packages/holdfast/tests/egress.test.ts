import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createGate } from "@holdfast/gate";
import { command, scratch } from "./support.ts";

test("holdfast egress explains decisions and shows budgets; holdfast auth stores the address of a server", async (t) => {
  const data = scratch(t);
  mkdirSync(data, { recursive: true });
  const budgets = [{ scope: "host", period: "day", tokens: 1_000, costMicros: 2_000_000 }];
  writeFileSync(join(data, "egress.json"), JSON.stringify({ version: 1, budgets }));
  const gate = await createGate({
    dataDir: data,
    vault: { env: {}, logins: false },
    jails: { driver: "none", allowUnsafe: true },
  });
  const env = { ANTHROPIC_API_KEY: "sk-ant-never-shown-0123", HOME: data };
  const run = (...args: string[]) => command([...args, "--data", data], { env });
  const [allowed, refused, status, stored, wrong] = await Promise.all([
    run("egress", "explain", "post", "https://api.anthropic.com/v1/messages", "--json"),
    run("egress", "explain", "POST", "/anthropic/v1/files"),
    run("egress", "status"),
    run("auth", "api-key", "openai-compatible", "--base-url", "http://127.0.0.1:8000/v1"),
    run("auth", "login", "google"),
  ]);
  await gate.close();
  assert.equal(allowed.code, 0, allowed.stderr);
  const told = JSON.parse(allowed.stdout) as Record<string, unknown>;
  assert.deepEqual(
    [told["decision"], told["rule"], told["host"], told["credential"], told["metered"]],
    ["allow", "POST /v1/messages exactly", "api.anthropic.com", "the vault's credential for anthropic", true],
  );
  assert.equal(JSON.stringify([allowed, refused]).includes("never-shown"), false);
  assert.deepEqual([refused.code, refused.stdout.split("\n")[0]], [1, "deny  egress.not_allowed"]);
  assert.match(status.stdout, /^host +host +day +0 of 1000 tokens, \$0\.0000 of \$2\.0000\n$/);
  assert.equal(stored.stdout, "The address is stored.\n");
  assert.equal(wrong.code, 2);
  const shown = await run("auth", "status");
  assert.match(shown.stdout, /openai-compatible +ready +a server of your own, without a key/);
});
