/** A schedule that an agent makes at one node begins a turn of its group where the group's task runs then. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startPostgres } from "@holdfast/testing/postgres";
import { ownerOf, startNodes } from "./cluster-support.ts";
import { byId, haveEnded, untilGroup, writeGroups } from "./groups-support.ts";
import { mentions, needsJail, untilEvent } from "./support.ts";

test("a schedule outlives the node on which its task made it, and its turn runs once", async (t) => {
  if (!needsJail(t)) return;
  const postgres = await startPostgres();
  t.after(() => postgres.stop());
  const { nodes, repository } = await startNodes(t, postgres, ["a", "b"], {}, async (dataDirectory) => {
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
    const rule = { id: "schedules", tools: ["schedule_*"], action: "allow" };
    writeFileSync(join(dataDirectory, "policy.json"), JSON.stringify({ version: 1, rules: [rule] }));
  });
  for (const { data } of nodes)
    writeGroups(data, { home: { agent: "tools", session: "resume", repository } });
  const [first] = nodes;
  assert.ok(first !== undefined);
  const schedule = { name: "often", prompt: "mcp schedule_list {}", every_minutes: 1 };
  await first.server.client.group("home").prompt(`mcp schedule_create ${JSON.stringify(schedule)}`);
  const { events } = await untilGroup(
    first.server.client,
    "home",
    (view) => haveEnded(view, 1),
    "the first turn",
  );
  const { taskId = "", sessionId = "" } = events[0] ?? {};
  assert.equal(events[0]?.state, "done");
  const [killed, survivor] = ownerOf(nodes, taskId);
  await killed.server.kill();
  const { client } = survivor.server;
  const view = await untilGroup(client, "home", (each) => haveEnded(each, 2), "the turn of the schedule");
  const [, turn, ...others] = byId(view.events);
  assert.deepEqual(
    [turn?.topic, turn?.source, turn?.tainted, turn?.state, turn?.taskId],
    ["task.triggered", "plugin:scheduler", false, "done", taskId],
  );
  // More minutes may have passed on a slow machine, each with a run of its own.
  assert.equal(new Set([turn, ...others].map((each) => each?.id)).size, 1 + others.length);
  await untilEvent(
    client,
    sessionId,
    (event) => mentions(event, '\\"name\\":\\"often\\"') && mentions(event, "last_at"),
  );
});
