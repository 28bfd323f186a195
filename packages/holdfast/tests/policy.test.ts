import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createGate } from "@holdfast/gate";
import { command, scratch } from "./support.ts";

const file = (...rules: readonly unknown[]) => JSON.stringify({ version: 1, rules });

test("holdfast policy checks, explains and tries a policy file beside a running gate", async (t) => {
  const data = scratch(t);
  const dry = join(data, "new.json");
  const broken = join(data, "broken.json");
  const policy = (...args: string[]) => command(["policy", ...args, "--data", data]);
  const under = [{ pointer: "/path", under: "/work" }];
  writeFileSync(
    join(data, "policy.json"),
    file(
      { id: "work", tools: ["write_*"], when: under, action: "allow" },
      { id: "rest", tools: ["write_*"], action: "deny", reason: "only in /work" },
    ),
  );
  writeFileSync(dry, file({ id: "no-echo", tools: ["echo"], action: "ask" }));
  writeFileSync(broken, file({ id: "x", tools: ["echo"], action: "perhaps" }));
  const gate = await createGate({
    dataDir: data,
    vault: { env: {}, logins: false },
    jails: { driver: "none", allowUnsafe: true },
  });
  t.after(() => gate.close());
  const kept = { tool: "echo", plugin: "core", risk: "low", tainted: false, group: "default" };
  const decided = { ...kept, decision: "allow", rule: "default: low risk" };
  await gate.audit.append({ type: "tool.call", session: "s", data: decided });
  await gate.audit.append({ type: "tool.call", session: "s", data: { ...decided, tool: "list_tools" } });

  const write = (path: string) => [
    "explain",
    "--tool",
    "write_file",
    "--arguments",
    JSON.stringify({ path }),
  ];
  const [ok, wrong, allowed, refused, open, replay, usage] = await Promise.all([
    policy("check", "--json"),
    policy("check", "--file", broken),
    policy(...write("/work/a"), "--json"),
    policy(...write("/work/../a")),
    policy("explain", "--tool", "write_file"),
    policy("dry-run", "--file", dry, "--json"),
    policy("explain"),
  ]);
  assert.equal(ok.code, 0, ok.stderr);
  assert.deepEqual(JSON.parse(ok.stdout), {
    ...{ ok: true, found: true, rules: 2 },
    path: join(data, "policy.json"),
  });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /\/rules\/0\/action.*policy\.invalid_file/);
  assert.ok(wrong.stderr.startsWith(`${broken} cannot be used`), wrong.stderr);
  const { action, rule, riskKnown } = JSON.parse(allowed.stdout) as Record<string, unknown>;
  assert.deepEqual([allowed.code, action, rule, riskKnown], [0, "allow", "work", false]);
  assert.deepEqual(
    [refused.code, refused.stdout.split("\n").slice(0, 2)],
    [1, ["deny  rest", "only in /work"]],
  );
  assert.match(open.stdout, /The result can be allow or deny\. The strictest one applies\./);
  const rows = replay.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    rows.map((each) => [each["tool"], each["outcome"], each["after"], each["summary"]]),
    [
      ["echo", "changed", { action: "ask", rule: "no-echo" }, undefined],
      [undefined, undefined, undefined, { same: 1, changed: 1, depends: 0 }],
    ],
  );
  assert.equal(usage.code, 2);
});
