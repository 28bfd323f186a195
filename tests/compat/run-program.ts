/** Runs one program of the compatibility suite: `node run-program.ts FILE`. Exits 0 when it ends well. */
import { pathToFileURL } from "node:url";
import type { Definitions, Registry } from "@holdfast/server";

interface Program {
  readonly registry: Registry<Definitions>;
  program(endpoint: string): Promise<void>;
}

const [file = ""] = process.argv.slice(2);
const loaded = (await import(pathToFileURL(file).href)) as Program;
const listening = await loaded.registry.listen({ host: "127.0.0.1", port: 0 });
try {
  await loaded.program(listening.url);
} finally {
  await loaded.registry.shutdown();
}
