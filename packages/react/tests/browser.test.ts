import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { missingChromium } from "@holdfast/testing/chromium";
import { counter, departures, locked } from "./browser/actors.ts";
import { type Served, servePage } from "./support.ts";

describe("React hooks in a browser", { skip: missingChromium }, () => {
  let served: Served<{ counter: typeof counter; locked: typeof locked }>;
  before(async () => {
    served = await servePage({ counter, locked }, "page.tsx");
  });
  after(() => served.close());
  const shows = (selector: string, text: string): Promise<void> => served.shows(selector, text);

  test("components with the same options share one connection, also in strict mode", async () => {
    await shows("#one .status", "connected");
    await shows("#two .status", "connected");
    assert.equal(await served.registry.client.counter.get(["shared"]).connections(), 1);
  });

  test("events reach every component once, actions show their errors", async () => {
    await served.page.click("#one .add");
    await shows("#one .last", "1");
    await shows("#two .last", "1");
    await shows("#two .events", "1");
    await shows("#two .state", "1");
    await served.page.click("#one .too-much");
    await shows("#one .error", "too much");
    await served.page.click("#one .add");
    await shows("#one .error", "fine");
    await shows("#one .state", "2");
  });

  test("an optimistic change is shown immediately, then confirmed or undone", async () => {
    await served.page.click("#one .optimistic");
    await shows("#one .state", "12");
    await shows("#one .pending", "true");
    await shows("#two .state", "2");
    await served.registry.client.counter.get(["shared"]).tell();
    await shows("#one .pending", "false");
    await shows("#two .state", "12");
    await shows("#one .state", "12");
    await served.page.click("#one .refused");
    await shows("#one .pending", "false");
    await shows("#one .state", "12");
  });

  test("suspense, refusals and disabled actors", async () => {
    await shows("#suspended", "connected");
    await shows("#locked", "user.locked");
    await shows("#off", "idle");
    await assert.rejects(served.registry.client.counter.get(["off"]).get(), { code: "not_found" });
  });

  test("the connection ends with the last component that used it", async () => {
    const handle = served.registry.client.counter.get(["shared"]);
    await served.page.click("#once");
    await served.page.waitForSelector("#two", { state: "detached" });
    assert.equal(await handle.connections(), 1);
    const empty = once(departures, "empty");
    await served.page.click("#none");
    await empty;
    assert.equal(await handle.connections(), 0);
  });
});
