import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createGate } from "@holdfast/gate";
import { command, scratch } from "./support.ts";

test("holdfast audit verifies, queries and exports, and finds one changed byte", async (t) => {
  const data = scratch(t);
  const gate = await createGate({
    dataDir: data,
    vault: { env: {}, logins: false },
    jails: { whenUnavailable: "refuse" },
  });
  for (const n of [1, 2, 3]) await gate.audit.append({ type: "sample.effect", session: "s", data: { n } });
  // A topic of a refused frame is what a jail sent.
  const topic = "tool.invoke.\u009b2J\u202e";
  await gate.audit.append({ type: "tool.refused", data: { topic } });
  await gate.close();
  const audit = (...args: string[]) => command(["audit", ...args, "--data", data]);

  const [verified, queried, exported, kept] = await Promise.all([
    audit("verify"),
    audit("query", "--type", "sample.*", "--limit", "2", "--json"),
    audit("export", "--format", "csv", "--session", "s"),
    audit("checkpoint"),
  ]);
  assert.match(
    verified.stdout,
    /^ok: \d+ records; signed up to record \d+ by 2 checkpoints\n$/,
    verified.stderr,
  );
  const numbers = queried.stdout.trim().split("\n");
  assert.deepEqual(
    numbers.map((line) => (JSON.parse(line) as { data: { n: number } }).data.n),
    [2, 3],
  );
  assert.equal(exported.stdout.trim().split("\r\n").length, 4);

  for (const more of [[], ["--json"]]) {
    const { stdout } = await audit("query", "--type", "tool.refused", ...more);
    assert.doesNotMatch(stdout, /[\u0080-\u009f\u202e]/);
    assert.match(stdout, /"tool\.invoke\.\\u009b2J\\u202e"/);
  }

  const checkpoint = join(data, "kept.json");
  writeFileSync(checkpoint, kept.stdout);
  const log = join(data, "gate", "audit.log");
  const bytes = readFileSync(log);
  const at = bytes.indexOf('"n":2') + 4;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  const [against, wrong, keyless, mixed] = await Promise.all([
    audit("verify", "--against", checkpoint),
    audit("verify", "--against", log),
    audit("verify", "--key", checkpoint),
    audit("export", "--format", "csv", "--json"),
  ]);
  assert.equal(against.code, 0);
  assert.equal(wrong.code, 2, "that is no checkpoint");
  assert.equal(keyless.code, 2, keyless.stderr);
  assert.ok(
    keyless.stderr.startsWith(`${checkpoint} does not contain a public key in PEM format\n`),
    keyless.stderr,
  );
  assert.deepEqual([mixed.code, mixed.stdout], [2, ""], "csv and JSON exclude each other");
  writeFileSync(log, bytes);
  const found = await audit("verify");
  assert.equal(found.code, 1);
  assert.match(found.stdout, /^FAULT at line \d+: the hash does not match\n$/);

  rmSync(log);
  const gone = await audit("verify");
  assert.deepEqual([gone.code, /^FAULT/.test(gone.stdout)], [1, true], "its checkpoints know better");
  rmSync(join(data, "gate", "audit.checkpoints"));
  for (const verb of ["verify", "query", "export", "checkpoint"]) {
    const { code, stdout, stderr } = await audit(verb);
    assert.deepEqual([code, stdout, /\(audit\.not_found\)/.test(stderr)], [1, "", true], stderr);
  }
});
