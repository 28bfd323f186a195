import assert from "node:assert/strict";
import { test } from "node:test";
import { describeUsage } from "./usage-text.ts";

const usage = `holdfast fruit list | eat NAME [--peel] [--data DIR]

Handles fruit. Your basket is not touched.

  list [NAME]        all of them: --ripe, --limit N, --colour red|green
  eat NAME           one of them
  show ID | hide ID
  --approve WHAT     ask (default), allow or deny: who decides
                     and a second line about it
  -p, --port PORT    TCP port (default: 1)
      --peel         without the skin
  --data DIR         data directory

All of it works beside a running server.`;

test("verbs and options are read from a usage text", () => {
  const { verbs, options } = describeUsage(usage);
  assert.deepEqual(
    verbs.map(({ value }) => value),
    ["list", "eat", "show", "hide"],
  );
  assert.equal(verbs[1]?.description, "one of them");
  const byName = new Map(
    options.map((option) => [option.names.find((name) => name.startsWith("--")), option]),
  );
  assert.deepEqual([...byName.keys()].sort(), [
    "--approve",
    "--colour",
    "--data",
    "--help",
    "--limit",
    "--peel",
    "--port",
    "--ripe",
  ]);
  assert.deepEqual(byName.get("--approve")?.choices, ["ask", "allow", "deny"]);
  assert.deepEqual(byName.get("--colour")?.choices, ["red", "green"]);
  assert.deepEqual(byName.get("--port")?.names, ["-p", "--port"]);
  assert.equal(byName.get("--port")?.value, "PORT");
  assert.equal(byName.get("--peel")?.value, undefined);
  assert.equal(byName.get("--peel")?.description, "without the skin");
  assert.equal(byName.get("--data")?.value, "DIR");
});
