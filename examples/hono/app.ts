/** Actors inside a Hono application: its routes call them, and clients reach them below /api. */

import { actor, setup } from "holdfast";
import { Hono } from "hono";

export const visits = actor({
  state: { count: 0 },
  actions: {
    count: (c) => {
      c.state.count += 1;
      return c.state.count;
    },
  },
});

export const registry = setup({ use: { visits } });

export const app = new Hono()
  .get("/", async (c) =>
    c.text(`You are visitor ${await registry.client.visits.getOrCreate(["home"]).count()}`),
  )
  .all("/api/*", (c) => {
    const url = new URL(c.req.url);
    url.pathname = url.pathname.slice("/api".length);
    return registry.handler(new Request(url, c.req.raw));
  });

// One port for both: the application's routes, and WebSockets of clients beside them.
if (import.meta.main) {
  const { url } = await registry.listen({ application: app });
  console.log(`Listening on ${url}`);
}
