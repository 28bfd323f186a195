/** The server that is killed: `node schedule-server.ts DIRECTORY`, forked; it sends its URL. */
import { clockwork } from "@holdfast/testing/actors";
import { storedRegistry } from "./support.ts";

const [directory = ""] = process.argv.slice(2);
const registry = storedRegistry({ clockwork }, directory);
const listening = await registry.listen({ port: 0 });
process.send?.({ url: listening.url });

export type ScheduleRegistry = typeof registry;
