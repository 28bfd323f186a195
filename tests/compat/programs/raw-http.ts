/** onRequest with standard requests and responses. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

const api = actor({
  state: { hits: 0 },
  onRequest: async (c, request) => {
    const url = new URL(request.url);
    c.state.hits += 1;
    if (url.pathname === "/echo") {
      return new Response(await request.text(), { status: 201, headers: { "x-method": request.method } });
    }
    if (url.pathname === "/query") return Response.json(Object.fromEntries(url.searchParams));
    if (url.pathname === "/stream") {
      const parts = ["a", "b", "c"];
      return new Response(
        new ReadableStream({
          pull(controller) {
            const part = parts.shift();
            if (part === undefined) controller.close();
            else controller.enqueue(new TextEncoder().encode(part));
          },
        }),
      );
    }
    return new Response("not here", { status: 404 });
  },
  actions: { hits: (c) => c.state.hits },
});

const silent = actor({ state: {}, actions: {} });

export const registry = setup({ use: { api, silent } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.api.getOrCreate(["a"]);
  const echo = await handle.fetch("echo", { method: "POST", body: "hello" });
  assert.equal(echo.status, 201);
  assert.equal(echo.headers.get("x-method"), "POST");
  assert.equal(await echo.text(), "hello");
  const query = await handle.fetch("/query?a=1&b=x%20y");
  assert.deepEqual(await query.json(), { a: "1", b: "x y" });
  assert.equal(await (await handle.fetch("stream")).text(), "abc");
  assert.equal((await handle.fetch("missing")).status, 404);
  assert.equal(await handle.hits(), 4);
  const url = await handle.getGatewayUrl();
  assert.ok(url.startsWith("http"));
  assert.equal((await client.silent.getOrCreate([]).fetch("x")).status, 404);
  await client.dispose();
}
