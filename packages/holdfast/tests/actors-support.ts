import type { TestContext } from "node:test";
import { actor, queue } from "@holdfast/actors";
import { db } from "@holdfast/actors/db";
import { testRegistry } from "@holdfast/testing/backends";
import { setup } from "../src/index.ts";
import { scratch } from "./support.ts";

export const note = actor({
  state: { text: "", edits: 0n },
  queues: { inbox: queue<string>() },
  db: db({
    onMigrate: async (database) => {
      await database.execute("CREATE TABLE IF NOT EXISTS word (word TEXT)");
    },
  }),
  actions: {
    write: (c, text: string) => {
      c.state.text = text;
      c.state.edits++;
      c.log.info("written", { length: text.length });
      return c.state.edits;
    },
    remind: (c) => c.schedule.after(3_600_000, "write", "later"),
  },
});

/** A server of two notes on a data directory of the test's own. */
export async function notes(t: TestContext) {
  const directory = scratch(t);
  const registry = testRegistry(directory, (node) =>
    setup({
      use: { note },
      dataDirectory: directory,
      noWelcome: true,
      logging: { level: "silent" },
      shutdown: { disableSignalHandlers: true },
      ...node,
    }),
  );
  t.after(() => registry.shutdown());
  const listening = await registry.listen({ port: 0 });
  await registry.client.note.getOrCreate(["team", "a/b"]).write("hello");
  await registry.client.note.getOrCreate("plain").write("world");
  return { registry, directory, url: listening.url };
}
