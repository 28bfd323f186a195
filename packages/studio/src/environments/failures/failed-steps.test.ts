import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isErrorCode, silentLogger, systemPorts } from "@holdfast/core";
import type { Gate } from "@holdfast/gate";
import { studioLimits } from "../../limits.ts";
import { FailedSteps } from "./failed-steps.ts";

test("failures at the same time, which discard each other's files, are all kept or gone, and none half", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-failed-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const steps = new FailedSteps({
    ...{ ports: systemPorts(silentLogger), limits: studioLimits, directory, gate: {} as Gate },
    ...{ dataDirectory: directory, runDirectory: directory, cacheDirectory: join(directory, "caches") },
    bundle: async () => assert.fail("no sandbox starts"),
  });
  // What is no environment is passed by.
  mkdirSync(join(directory, "caches"));
  writeFileSync(join(directory, "notes.txt"), "");
  const fail = async (id: string) => {
    const work = join(directory, `work-${id}`);
    const folders = { workspace: join(work, "workspace"), home: join(work, "home") };
    for (const folder of Object.values(folders)) mkdirSync(folder, { recursive: true });
    const step = { cacheKey: "one", run: "false", variables: {}, caches: [], network: [] };
    await steps.keep(id, step, folders);
  };
  const ids = Array.from({ length: 160 }, () => randomUUID().replaceAll("-", ""));
  const chains = Array.from({ length: 8 }, (_, chain) => ids.filter((__, index) => index % 8 === chain));
  await Promise.all(
    chains.map(async (chain) => {
      for (const id of chain) await fail(id);
    }),
  );
  const [last = ""] = ids;
  await steps.discard(last);
  await fail(last);
  for (const id of ids) assert.equal(existsSync(join(directory, id, "failed")), id === last, id);
  await steps.discard(last);
  await assert.rejects(steps.openTerminal(last), (error) => isErrorCode(error, "environment", "not_kept"));
});
