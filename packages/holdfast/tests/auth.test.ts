import assert from "node:assert/strict";
import { test } from "node:test";
import { holdfast, scratch } from "./support.ts";

test("holdfast auth tells a program what it has done, and never the key", async (t) => {
  const data = scratch(t);
  const key = "sk-ant-never-shown-0123\n";
  const run = async (input: string, ...args: readonly string[]): Promise<unknown> => {
    const command = ["auth", ...args, "--data", data, "--json"];
    const { code, stdout, stderr } = await holdfast(command, { input, env: { HOME: data } });
    assert.equal(code, 0, stderr);
    return stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
  };
  const stored = { provider: "anthropic", stored: true };
  assert.deepEqual(await run(key, "api-key", "anthropic"), [stored]);
  const baseUrl = "http://127.0.0.1:8000/v1";
  const addressed = { provider: "anthropic", baseUrl };
  assert.deepEqual(await run("", "api-key", "anthropic", "--base-url", baseUrl), [addressed]);
  assert.deepEqual(await run(key, "api-key", "anthropic", "--base-url", "default"), [
    { provider: "anthropic", baseUrl: null },
    stored,
  ]);
  for (const removed of [true, false])
    assert.deepEqual(await run("", "api-key", "anthropic", "--delete"), [{ provider: "anthropic", removed }]);
});
