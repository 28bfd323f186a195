/** A program of a serverless platform, forked by the tests: Hono, with a registry mounted. It sends its URL. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { setup } from "holdfast";
import { toHonoHandler } from "holdfast/hono";
import { Hono } from "hono";
import { serverlessActors } from "./serverless-actors.ts";

const registry = setup({
  use: serverlessActors,
  noWelcome: true,
  cluster: {
    ttlMs: Number(process.env["TEST_TTL_MS"] ?? 10_000),
    serverless: { idleMs: Number(process.env["TEST_IDLE_MS"] ?? 30_000) },
  },
});
const app = new Hono();
app.all("/api/holdfast/*", toHonoHandler(registry));

/** What @hono/node-server does: a Request in, a Response out. */
async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  const hasBody = incoming.method !== "GET" && incoming.method !== "HEAD";
  const response = await app.fetch(
    new Request(`http://${incoming.headers.host}${incoming.url}`, {
      method: incoming.method ?? "GET",
      headers: incoming.headers as Record<string, string>,
      signal: gone.signal,
      ...(hasBody ? { body: Readable.toWeb(incoming) as ReadableStream, duplex: "half" } : {}),
    }),
  );
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.flushHeaders();
  if (response.body === null) return void outgoing.end();
  const body = Readable.fromWeb(response.body as never);
  body.on("error", () => outgoing.destroy());
  outgoing.once("close", () => body.destroy());
  body.pipe(outgoing);
}

const server = createServer((incoming, outgoing) => {
  serve(incoming, outgoing).catch(() => outgoing.destroy());
});
server.listen(0, "127.0.0.1", () => {
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
