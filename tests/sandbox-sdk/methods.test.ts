/**
 * Every public method of the published client, called against a real server; and the same cases with the client of this
 * repository in its place. The list of methods is made from the published declarations: a new one fails until it has a
 * case.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as ours from "@holdfast/sandbox-client";
import { desktopCases } from "./support/desktop-cases.ts";
import { desktopStreamCases, streamMethodsInBrowser } from "./support/desktop-stream-cases.ts";
import { loadPublished, publishedSurface } from "./support/published.ts";
import { routeCases } from "./support/route-cases.ts";
import { type RunningServer, startServer } from "./support/server.ts";
import { sessionCases } from "./support/session-cases.ts";
import { type Sdk, withWorld } from "./support/world.ts";

const cases = { ...sessionCases, ...routeCases, ...desktopCases, ...desktopStreamCases };

/** Cases whose route is not there yet, with the reason. One that passes has to leave this list. */
const pending: Readonly<Record<string, string>> = {};

const surface = publishedSurface().filter((name) => !streamMethodsInBrowser.includes(name));
const clients: readonly (readonly [string, () => Promise<Sdk>])[] = [
  ["the published client", () => loadPublished<Sdk>()],
  ["our client", async () => ours],
];

test("each published method has a case, and each case a method", () => {
  const free = Object.keys(cases).filter((name) => name.includes("."));
  assert.deepEqual(free.sort(), surface);
  assert.ok(surface.length > 90, `only ${surface.length} methods were found`);
});

for (const [name, load] of clients) {
  describe(name, () => {
    let server: RunningServer;
    let sdk: Sdk;
    before(async () => {
      [server, sdk] = await Promise.all([startServer(), load()]);
    });
    after(() => server.stop());

    for (const [method, run] of Object.entries(cases)) {
      test(method, { timeout: 60_000 }, async () => {
        const reason = pending[method];
        const passed = withWorld(sdk, server, run);
        if (reason === undefined) return await passed;
        await assert.rejects(passed, `${method} works now: take it off the list`);
      });
    }
  });
}

after(() => {
  const waiting = Object.entries(pending);
  console.log(`${surface.length} methods of the published client, ${waiting.length} of them pending`);
  for (const [method, reason] of waiting) console.log(`pending: ${method}: ${reason}`);
});
