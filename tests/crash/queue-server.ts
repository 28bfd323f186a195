/** The server that is killed: `node queue-server.ts DIRECTORY`, forked; it sends its URL. */
import { systemPorts } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { sender, worker } from "./queue-actors.ts";

const [directory = ""] = process.argv.slice(2);
const ports = systemPorts();
const registry = createRegistry({
  use: { worker, sender },
  ports,
  store: () => openSqliteStore({ path: directory, ports }),
});
const listening = await registry.listen({ port: 0 });
process.send?.({ url: listening.url });

export type QueueCrashRegistry = typeof registry;
