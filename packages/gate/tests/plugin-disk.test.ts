/** What a plugin may leave on the host's disk: so much in its own folder, and what it likes in one that is shared. */
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { callTool, gateWith, handlerOf, manifestOf, resultOf, until } from "./plugin-support.ts";
import { missing, temporaryDirectory } from "./support.ts";

const megabyte = 1024 * 1024;

test("the disk of a plugin", { skip: missing("bwrap", "du") }, async (t) => {
  const logged: string[] = [];
  const take = (message: string, fields?: unknown) => logged.push(`${message} ${JSON.stringify(fields)}`);
  const log = { debug: take, info: take, warn: take, error: take, child: () => log };
  const shared = temporaryDirectory(t);
  writeFileSync(join(shared, "of-the-operator"), Buffer.alloc(24 * megabyte, 1));
  const dataDir = temporaryDirectory(t);
  writeFileSync(
    join(dataDir, "plugins.json"),
    JSON.stringify({
      version: 1,
      plugins: {
        keeper: {
          ...{ diskBytes: 8 * megabyte, diskEntries: 100 },
          folders: { work: { path: shared, mode: "rw" } },
        },
      },
    }),
  );
  const { gate } = await gateWith(
    t,
    {
      keeper: {
        "manifest.json": manifestOf([{ name: "keep_much" }, { name: "keep_many" }, { name: "keep_shared" }]),
        "handler.js": handlerOf({
          keep_much: `for (let i = 0; i < 64; i++) fs.appendFileSync(services.dataDirectory + "/much", Buffer.alloc(${megabyte}, 1));
            return new Promise(() => {});`,
          keep_many: `for (let i = 0; i < 200; i++) fs.writeFileSync(services.dataDirectory + "/" + i, "");
            return new Promise(() => {});`,
          keep_shared: `fs.writeFileSync(services.folders.work.path + "/more", Buffer.alloc(${megabyte}, 1));
            return { ok: true, result: { written: true } };`,
        }),
      },
    },
    { dataDir, log },
  );
  const data = join(dataDir, "gate", "plugins", "keeper", "data");
  const jail = () => gate.jails.list().find(({ id }) => id.startsWith("plugin-keeper-"));

  await t.test("holds what it is given in shared folders beside its own bound", async () => {
    await until("the jail is measured", () => jail()?.usage().diskBytes !== undefined);
    assert.ok((jail()?.usage().diskBytes ?? 0) < 8 * megabyte);
    assert.deepEqual(await resultOf(gate, "keep_shared"), { written: true });
  });

  for (const [tool, what] of [
    ["keep_much", /its writable mounts hold \d+ bytes; the limit is 8388608/],
    ["keep_many", /its writable mounts hold \d+ files; the limit is 100/],
  ] as const)
    await t.test(`ends a plugin that leaves more in its own folder: ${tool}`, async () => {
      await assert.rejects(callTool(gate, tool, {}, { timeoutMs: 60_000 }), (error) =>
        isErrorCode(error, "plugin", "unavailable"),
      );
      assert.ok(
        logged.some((line) => line.startsWith("a plugin crashed") && what.test(line)),
        logged.join("\n"),
      );
      // Whoever makes room has it back.
      rmSync(data, { recursive: true });
      mkdirSync(data);
      assert.deepEqual(await resultOf(gate, "keep_shared"), { written: true });
    });
});
