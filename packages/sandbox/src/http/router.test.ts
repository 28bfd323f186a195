import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { type TestContext, test } from "node:test";
import { silentLogger } from "@holdfast/core";
import { sendJson } from "./exchange.ts";
import { Guard } from "./guard.ts";
import { Metrics } from "./metrics.ts";
import { type LazyRoutes, type Route, Router } from "./router.ts";

async function serve(t: TestContext, routes: readonly Route[], lazyRoutes: readonly LazyRoutes[]) {
  const guard = new Guard({ cors: { origins: [] }, token: "t" });
  const router = new Router(routes, { guard, log: silentLogger, metrics: new Metrics(), lazyRoutes });
  const server = createServer((request, response) => void router.handle(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const status = async (path: string, headers: Record<string, string> = { authorization: "Bearer t" }) => {
    const url = `http://127.0.0.1:${address.port}${path}`;
    return (await fetch(url, { headers: { ...headers, connection: "close" } })).status;
  };
  return { router, status };
}

const named = (path: string): Route => ({
  path,
  guarded: true,
  methods: { GET: ({ response }) => sendJson(response, { path }) },
});

test("lazy routes load once, with the first request below their prefix", async (t) => {
  let loads = 0;
  const load = async () => {
    loads += 1;
    await new Promise((resolve) => setImmediate(resolve));
    return [named("/late/a"), named("/late/:id/b")];
  };
  const { router, status } = await serve(t, [named("/v1/a")], [{ prefix: "/late", load }]);
  assert.deepEqual(
    [await status("/v1/a"), await status("/later/a"), await status("/v1/late")],
    [200, 404, 404],
  );
  assert.equal(loads, 0);
  const first = await Promise.all([status("/late/a"), status("/late/x/b"), status("/late/a", {})]);
  assert.deepEqual(first, [200, 200, 401]);
  assert.deepEqual([await status("/late/c"), await status("/late")], [404, 404]);
  assert.equal(loads, 1);
  assert.deepEqual(
    (await router.allRoutes()).map(({ path }) => path),
    ["/v1/a", "/late/a", "/late/:id/b"],
  );
});

test("lazy routes that failed to load are loaded again", async (t) => {
  let loads = 0;
  const load = async () => {
    loads += 1;
    if (loads === 1) throw new Error("the disk is away");
    return [named("/late/a")];
  };
  const { status } = await serve(t, [], [{ prefix: "/late", load }]);
  assert.deepEqual([await status("/late/a"), await status("/late/a")], [500, 200]);
});

test("all exchanges share one hidden class: their signal is no closure", async (t) => {
  const signals: AbortSignal[] = [];
  const closures: boolean[] = [];
  const handler: Route = {
    path: "/v1/a",
    methods: {
      GET: (exchange) => {
        closures.push(Object.hasOwn(exchange, "signal"));
        signals.push(exchange.signal, exchange.signal);
        sendJson(exchange.response, {});
      },
    },
  };
  const { status } = await serve(t, [handler], []);
  assert.deepEqual([await status("/v1/a"), await status("/v1/a")], [200, 200]);
  assert.deepEqual(closures, [false, false]);
  assert.equal(new Set(signals).size, 2);
});
