import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type JailGate, jail } from "../../src/node/jail.ts";

type JailSpec = Parameters<JailGate["jails"]["start"]>[0];

/** A jail whose server dials and does nothing more; `stop` is how it ends. */
async function started(t: TestContext, stop: () => Promise<unknown>) {
  const ended = Promise.withResolvers<{ reason: string }>();
  let home = "";
  const sourceOf = (spec: JailSpec, target: string) =>
    spec.mounts.find((mount) => mount.target === target)?.source ?? "";
  const gate: JailGate = {
    jails: {
      async start(spec) {
        home = sourceOf(spec, "/home/agent");
        const socket = connect(join(sourceOf(spec, "/run/holdfast/control"), "c.sock"));
        t.after(() => socket.destroy());
        const quiet = { resume: () => {}, on: () => {} };
        return { stdout: quiet, stderr: quiet, exited: ended.promise, stop };
      },
    },
  };
  const provider = jail({ gate, server: { entry: "/server.js", directories: [] } });
  const id = await provider.create();
  return { provider, id, home, end: () => ended.resolve({ reason: "exited" }) };
}

async function untilGone(path: string): Promise<void> {
  for (const deadline = Date.now() + 30_000; existsSync(path); await delay(20))
    assert.ok(Date.now() < deadline, `${path} is there`);
}

test("a jail that ends by itself is put away, and what fails thereby ends nobody else", async (t) => {
  const { provider, id, home, end } = await started(t, async () => {
    throw new Error("the runtime has forgotten it");
  });
  end();
  await untilGone(dirname(home));
  await assert.rejects(async () => await provider.reconnect?.(id), { code: "sandbox_destroyed" });
});

test("what nobody may write to is put away too", async (t) => {
  const { provider, id, home } = await started(t, async () => {});
  const cache = join(home, "go", "pkg", "mod");
  await mkdir(cache, { recursive: true });
  await writeFile(join(cache, "file"), "");
  await chmod(cache, 0o555);
  await provider.destroy(id);
  assert.equal(existsSync(dirname(home)), false);
});
