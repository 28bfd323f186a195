import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemPorts, uuidv4 } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { removeAtExit } from "@holdfast/testing/scratch";
import type { SessionPage } from "../contract.ts";
import { Handover } from "./handover.ts";
import type { BackendHost } from "./host.ts";
import { createSessionActor, type SessionRecord } from "./session.ts";

test("a record that counts once is in the log once, also when two hand it in at the same time", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-studio-"));
  removeAtExit(folder);
  const ports = systemPorts();
  const handover = new Handover(() => uuidv4(ports.random));
  const host = { ports, handover } as unknown as BackendHost;
  const registry = createRegistry({
    use: { session: createSessionActor(host) },
    store: () => openSqliteStore({ path: join(folder, "actors"), ports }),
    ports,
  });
  t.after(() => registry.shutdown());
  const token = handover.put({ sessionOf: "t" });
  await registry.client.session.getOrCreate(["s"], { createWithInput: { token } }).resolve();
  const session = registry.client.session.get(["s"]);
  const record: SessionRecord = {
    body: { type: "approval-settled", approvalId: "a", outcome: "expired" },
    once: "settled/a",
  };
  const append = (records: readonly SessionRecord[]) =>
    session.action<number>({ name: "internal.append", args: [handover.put({ records })] });
  await Promise.all([append([record]), append([record, record])]);
  const page = await session.action<SessionPage>({ name: "events", args: [{ after: 0 }] });
  assert.deepEqual([page.head, page.events.length], [1, 1]);
});
