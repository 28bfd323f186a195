/** Data of actors that each earlier release has written opens in this version, and the work goes on. */
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { removeAtExit } from "@holdfast/testing/scratch";
import { createClient } from "holdfast/client";
import { type GoldenRegistry, goldenRegistry } from "./support/actors.ts";
import { releases, unpack } from "./support/releases.ts";

/** Resolves with the first list that names `item`: now, or after one of the events that were subscribed to. */
async function listed(
  subscribe: (look: () => void) => Promise<void>,
  list: () => Promise<string[]>,
  item: RegExp,
): Promise<string[]> {
  const found = Promise.withResolvers<string[]>();
  const look = async () => {
    const items = await list();
    if (items.some((each) => item.test(each))) found.resolve(items);
  };
  await subscribe(() => void look());
  await look();
  return found.promise;
}

for (const version of releases) {
  describe(`actors of ${version}`, { timeout: 120_000 }, () => {
    const directory = mkdtempSync(join(tmpdir(), "holdfast-upgrade-"));
    removeAtExit(directory);
    unpack(version, "actors", directory);
    const registry = goldenRegistry(directory);
    const opened = new AsyncDisposableStack();
    let client: ReturnType<typeof createClient<GoldenRegistry>>;
    before(async () => {
      const { url } = await registry.start();
      opened.defer(() => registry.shutdown());
      client = createClient<GoldenRegistry>(url);
      opened.defer(() => client.dispose());
    });
    after(() => opened.disposeAsync());

    test("have their state, entries, objects and rows, and take more", async () => {
      const notebook = client.notebook.get(["tides", "a,b"]);
      assert.deepEqual(await notebook.state(), {
        pages: 2,
        since: new Date(1_700_000_000_000),
        tags: new Set(["first"]),
        sizes: new Map([["first", 2n ** 70n]]),
        cover: Uint8Array.of(0, 127, 255),
      });
      assert.deepEqual(await notebook.entries(), ["Tide tables", Uint8Array.of(1, 2, 3)]);
      assert.equal(await notebook.object(hash("sha256", "a large object")), "a large object");
      assert.equal(await notebook.add("Slack water"), 3);
      assert.deepEqual(await notebook.pages(), [
        { id: 1, text: "High water" },
        { id: 2, text: "Low water" },
        { id: 3, text: "Slack water" },
      ]);
    });

    test("have the messages that were not received, in order", async () => {
      const mailbox = client.mailbox.get("ann");
      await mailbox.send("letters", { text: "four" });
      for (const text of ["two", "three", "four", null]) assert.equal(await mailbox.receive(), text);
      assert.deepEqual(await mailbox.received(), ["one", "two", "three", "four"]);
    });

    test("run the schedule that is due, once, and keep the others", async () => {
      const alarm = client.alarm.get("kitchen");
      const connection = alarm.connect();
      opened.defer(() => connection.dispose());
      const subscribe = async (look: () => void) => {
        connection.on("rang", look);
        await connection.ready;
      };
      assert.deepEqual(await listed(subscribe, () => alarm.rang(), /soon/), ["soon"]);
      assert.deepEqual(await alarm.planned(), {
        once: [{ action: "ring", args: ["late"], runAt: 4_000_000_000_000 }],
        jobs: [{ name: "yearly", action: "ring" }],
      });
    });

    test("carry on with the workflow in its middle, without repeating a step", async () => {
      const order = client.order.get("1");
      assert.deepEqual(await order.log(), ["reserved", "priced"]);
      const connection = order.connect();
      opened.defer(() => connection.dispose());
      const shipped = new Promise<void>((resolve) => connection.once("shipped", () => resolve()));
      await connection.ready;
      await order.send("payments", { amount: 100 });
      await shipped;
      const log = await order.log();
      assert.deepEqual(log, ["reserved", "priced", "shipped order-1, paid"]);
    });
  });
}
