/** Counter in a SQLite-backed Durable Object of workerd. Usage: `<entry of miniflare> <directory>`. */
import { pathToFileURL } from "node:url";
import { serveTarget } from "./target.ts";

const script = `
import { DurableObject } from "cloudflare:workers";
export class Counter extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    this.sql = ctx.storage.sql;
    this.sql.exec("CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)");
    this.sql.exec("INSERT OR IGNORE INTO counter VALUES (1, 0)");
  }
  async fetch(request) {
    if (request.method === "POST") {
      const { args } = await request.json();
      this.sql.exec("UPDATE counter SET n = n + ? WHERE id = 1", args[0]);
    }
    return Response.json({ output: this.sql.exec("SELECT n FROM counter WHERE id = 1").one().n });
  }
}
export default {
  fetch: (request, env) => env.COUNTER.get(env.COUNTER.idFromName("bench")).fetch(request),
};
`;

/** The part of miniflare's API that this target uses. */
interface Miniflare {
  readonly ready: Promise<URL>;
  dispose(): Promise<void>;
}

const [entry = "", directory = ""] = process.argv.slice(2);
const { Miniflare } = (await import(pathToFileURL(entry).href)) as {
  Miniflare: new (options: object) => Miniflare;
};
const worker = new Miniflare({
  modules: true,
  script,
  compatibilityDate: "2026-06-01",
  durableObjects: { COUNTER: { className: "Counter", useSQLite: true } },
  durableObjectsPersist: directory,
  host: "127.0.0.1",
  cf: false,
});
const url = await worker.ready;
const count = async (): Promise<number> => {
  const response = await fetch(url);
  return ((await response.json()) as { output: number }).output;
};
await count();
serveTarget({ port: Number(url.port), count, stop: () => worker.dispose() });
