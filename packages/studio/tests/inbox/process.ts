/** A process that is killed: tasks ask without end. Prints the number of each question that was acknowledged. */
import { systemPorts } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { Inboxes, inboxActors } from "./inbox-support.ts";

const [path = "", round = ""] = process.argv.slice(2);
const ports = systemPorts();
const { actors, valueTokens } = inboxActors({ person: "ada", now: () => Date.now() });
const registry = createRegistry({ use: actors, ports, store: () => openSqliteStore({ path, ports }) });
const inboxes = new Inboxes(registry.client, valueTokens);
const tasks = ["a", "b", "c"].map((name) => `${name}${round}`);
for (const id of tasks) {
  await inboxes.create(id, { createdBy: "ada" });
  await inboxes.next(id);
}
for (let n = 0; ; n++) {
  const id = tasks[n % tasks.length] ?? "";
  await inboxes.ask(id, `q${n}`);
  process.stdout.write(`${id}.approval.q${n}\n`);
}
