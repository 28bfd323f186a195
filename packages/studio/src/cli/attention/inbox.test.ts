import assert from "node:assert/strict";
import { test } from "node:test";
import type { InboxEntry } from "@holdfast/studio";
import { formatEntry } from "./inbox.ts";

const entry: InboxEntry = {
  ...{ id: "t1", kind: "failed", text: "It ended\u001b[2K", isWorking: false, isUnread: true },
  task: { id: "t1", title: "Fix it", repository: "/r", agent: "demo" },
  ...{ createdAt: 0, bumpedAt: 0, notifiedAt: 0 },
};

test("an entry is one line, in which nothing reaches the terminal unescaped", () => {
  assert.equal(formatEntry(entry), "t1  * Failed     Fix it: It ended\\u001b[2K");
  assert.equal(
    formatEntry({ ...entry, kind: "finished", text: "", isUnread: false, isWorking: true }),
    "t1    Finished   Fix it (working again)",
  );
});
