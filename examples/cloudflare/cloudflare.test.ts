import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { createClient } from "@holdfast/client";
import { startWorker } from "@holdfast/testing/workers";
import type { Registry } from "./actors.ts";

interface Wrangler {
  readonly main: string;
  readonly compatibility_date: string;
  readonly compatibility_flags: readonly string[];
  readonly durable_objects: {
    readonly bindings: readonly { readonly name: string; readonly class_name: string }[];
  };
  readonly migrations: readonly { readonly new_sqlite_classes: readonly string[] }[];
}

test("rooms in Durable Objects: what is said is heard, kept, and said later", async (t) => {
  const wrangler = JSON.parse(readFileSync(`${import.meta.dirname}/wrangler.jsonc`, "utf8")) as Wrangler;
  const [bound] = wrangler.durable_objects.bindings;
  assert.ok(bound);
  assert.deepEqual(wrangler.migrations[0]?.new_sqlite_classes, [bound.class_name]);
  const worker = await startWorker(`${import.meta.dirname}/${wrangler.main}`, {
    settings: {
      compatibilityDate: wrangler.compatibility_date,
      compatibilityFlags: wrangler.compatibility_flags,
      binding: bound.name,
      className: bound.class_name,
    },
  });
  t.after(() => worker.dispose());
  const client = createClient<Registry>(worker.url);
  t.after(() => client.dispose());
  const connection = client.room.getOrCreate("lobby").connect();
  const heard = Promise.withResolvers<string>();
  connection.on("said", (text) => {
    if (text === "later") heard.resolve(text);
  });
  assert.equal(await connection.say("hello"), 1);
  await connection.sayLater(50, "later");
  assert.equal(await heard.promise, "later");
  assert.deepEqual(await client.room.getOrCreate("lobby").lines(), ["hello", "later"]);
});
