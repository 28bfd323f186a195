import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { isErrorCode, systemPorts } from "@holdfast/core";
import { lockDataDirectory, openSqliteStore } from "@holdfast/store-sqlite";
import { afterTest, code, openStore, tempDirectory } from "./support.ts";

const index = new URL("../src/index.ts", import.meta.url).href;

/** A process that holds the lock of `path`. */
async function holder(t: TestContext, path: string): Promise<ChildProcess> {
  const script = `
    const { lockDataDirectory } = await import(${JSON.stringify(index)});
    globalThis.lock = lockDataDirectory(${JSON.stringify(path)});
    process.stdout.write("locked");
    setInterval(() => {}, 1000);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  afterTest(t, () => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return child;
}

describe("the lock of a data directory", () => {
  test("excludes another process, and reports its id", async (t) => {
    const path = tempDirectory(t);
    const child = await holder(t, path);
    assert.throws(
      () => lockDataDirectory(path),
      (error) =>
        isErrorCode(error, "store", "locked") && (error.metadata as { pid: number }).pid === child.pid,
    );
  });

  test("is released when its process is killed, whatever the pid file contains", async (t) => {
    const path = tempDirectory(t);
    const child = await holder(t, path);
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
    // The pid in the file may belong to another process by now.
    writeFileSync(join(path, "lock.pid"), `${process.pid}\n`);
    lockDataDirectory(path).release();
  });

  test("excludes the same process until it is released", (t) => {
    const path = join(tempDirectory(t), "made", "below");
    const lock = lockDataDirectory(path);
    assert.throws(() => lockDataDirectory(path), code("store", "locked"));
    lock.release();
    lock.release();
    lockDataDirectory(path).release();
  });

  test("is not inherited by a child process", async (t) => {
    const path = tempDirectory(t);
    const lock = lockDataDirectory(path);
    const child = spawn("sleep", ["30"], { stdio: "ignore" });
    afterTest(t, () => child.kill("SIGKILL"));
    await once(child, "spawn");
    lock.release();
    lockDataDirectory(path).release();
  });

  test("a store excludes a second one from its directory, independently of the lock of the data directory", async (t) => {
    const path = tempDirectory(t);
    const lock = lockDataDirectory(path);
    afterTest(t, () => lock.release());
    const store = await openStore(t, { path });
    await assert.rejects(openSqliteStore({ path, ports: systemPorts() }), code("store", "locked"));
    await store.close();
    await store.close();
    await (await openStore(t, { path })).close();
  });

  test("a directory that cannot be used is reported", async (t) => {
    const path = tempDirectory(t);
    writeFileSync(join(path, "file"), "");
    const below = join(path, "file", "below");
    assert.throws(() => lockDataDirectory(below), code("store", "unavailable"));
    await assert.rejects(
      openSqliteStore({ path: below, ports: systemPorts() }),
      code("store", "unavailable"),
    );
    if (process.getuid?.() === 0) return;
    chmodSync(path, 0o500);
    assert.throws(() => lockDataDirectory(join(path, "no")), code("store", "unavailable"));
    // Otherwise it could not be removed after the test.
    chmodSync(path, 0o700);
  });
});
