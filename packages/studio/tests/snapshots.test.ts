import assert from "node:assert/strict";
import { readdirSync, watch } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { test } from "node:test";
import { createStudio } from "../src/index.ts";
import { needsJail, temporaryFolder, untilEvent } from "./support.ts";

test("leftover snapshots of a killed server are removed by the next one", async (t) => {
  if (!needsJail(t)) return;
  const dataDirectory = join(temporaryFolder(t), "data");
  const options = { dataDirectory, environment: {} };
  const first = await createStudio(options);
  t.after(() => first.close());
  const { id } = await first.client.organization.createTask({
    repository: "sample",
    agent: "demo",
    prompt: 'write "x" to x.txt without asking',
  });
  const { sessionId } = await first.client.task(id).get();
  await untilEvent(first.client, sessionId, ({ body }) => body.type === "turn-ended");
  const made = new Set<string>();
  const watcher = watch(dataDirectory, { recursive: true }, (_event, name) => {
    const [folder] = /^.*snapshot-\w{6}(?=\/|$)/.exec(name ?? "") ?? [];
    if (folder !== undefined) made.add(folder);
  });
  t.after(() => watcher.close());
  await first.client.task(id).diff();
  // The end of the turn may make one too.
  assert.ok(made.size > 0);
  await first.close();
  const [folder = ""] = made;
  const left = join(dataDirectory, folder);
  await mkdir(left, { recursive: true });
  await writeFile(join(left, "snapshot.pack"), "left");
  const second = await createStudio(options);
  await second.close();
  const rest = readdirSync(join(left, ".."));
  assert.ok(!rest.includes(basename(left)));
});
