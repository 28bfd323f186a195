import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { confineResponse } from "./confine.ts";
import { PreviewHosts } from "./preview-hosts.ts";
import { Previews } from "./previews.ts";

test("a preview has no service worker: its pages could come without the policy", async (t) => {
  const hosts = new PreviewHosts(undefined, undefined);
  const route = { agent: undefined as never, prefix: "" };
  const previews = new Previews({ hosts, sandbox: () => route, now: Date.now });
  const server = createServer((incoming, response) => previews.request(incoming, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const wish = { taskId: "task", port: "5173", personId: "ada", until: undefined };
  const { host } = new URL(previews.open({ ...wish, host: `127.0.0.1:${port}` }).url);
  const statusOf = async (headers: Readonly<Record<string, string>>) => {
    const sent = request({
      host: "127.0.0.1",
      port,
      path: "/worker.js",
      headers: { host, ...headers },
    }).end();
    const [{ statusCode }] = (await once(sent, "response")) as [{ readonly statusCode: number }];
    sent.destroy();
    return statusCode;
  };
  // Browsers send it with each request for such a script, and no page can leave it out.
  assert.equal(await statusOf({ "service-worker": "script" }), 403);
  assert.equal(await statusOf({}), 401);
});

test("headers that make a browser reach other servers do not pass", () => {
  const names = ["link", "nel", "refresh", "report-to", "reporting-endpoints", "speculation-rules"];
  const headers: Record<string, string | string[]> = Object.fromEntries(names.map((name) => [name, "any"]));
  const origin = "http://p-1.localhost:6420";
  confineResponse(headers, { port: 5173, origin, studioOrigin: "http://localhost:6420" });
  assert.deepEqual(Object.keys(headers).toSorted(), ["content-security-policy", "x-dns-prefetch-control"]);
});
