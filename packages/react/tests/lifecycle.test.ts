/** Connections of components that change, unmount and remount. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, beforeEach, describe, test } from "node:test";
import { missingChromium } from "@holdfast/testing/chromium";
import { departures, door, locked, visits } from "./browser/actors.ts";
import { type Served, servePage } from "./support.ts";

describe("mounting and unmounting components", { skip: missingChromium }, () => {
  let served: Served<{ visits: typeof visits; locked: typeof locked }>;
  before(async () => {
    served = await servePage({ visits, locked }, "lifecycle.tsx");
    await served.page.waitForFunction("document.title === 'ready'");
  });
  after(() => served.close());
  beforeEach(async () => {
    door.closed = false;
    door.connects = 0;
    door.params = [];
    await show(null);
    await served.shows("#state", "nothing");
    await served.page.evaluate("window.seen = []");
  });

  const show = (props: object | null): Promise<unknown> =>
    served.page.evaluate(`window.show(${JSON.stringify(props)})`);
  const text = (selector: string): Promise<string | null> => served.page.textContent(selector);

  test("a component renders idle, connecting with its handle, and connected, and no more often", async () => {
    await show({ key: "stages" });
    await served.shows("#state", "connected fine handle");
    const seen = await served.page.evaluate<string[]>("window.seen");
    assert.deepEqual(seen.slice(-3), ["idle fine -", "connecting fine handle", "connected fine handle"]);
    const renders = Number(await text("#renders"));
    assert.ok(renders <= 6, `strict mode renders each of three twice, not ${renders} in all`);
    assert.equal(door.connects, 1, "strict mode connects once");
    await show({ key: "stages", label: "other" });
    await show({ key: "stages", label: "and another" });
    const changes = Number(await text("#options"));
    assert.ok(changes <= 2, `the options are the same object, and were ${changes}`);
  });

  test("events call the callback of the newest render, once each", async () => {
    await show({ key: "events", label: "first " });
    await served.shows("#state", "connected fine handle");
    await served.page.click("#visit");
    await served.shows("#heard", "first 1");
    await show({ key: "events", label: "second " });
    await served.page.click("#visit");
    await served.shows("#heard", "second 2");
  });

  test("another key opens another connection, and events of the first one are ignored", async () => {
    await show({ key: "old" });
    await served.shows("#state", "connected fine handle");
    const left = once(departures, "left old");
    await show({ key: "new" });
    await served.shows("#state", "connected fine handle");
    await served.page.click("#visit");
    await served.shows("#heard", "1");
    await served.registry.client.visits.get(["old"]).visit();
    await left;
    assert.equal(await served.registry.client.visits.get(["old"]).connections(), 0);
    assert.equal(await text("#heard"), "1");
  });

  test("another key has its own state, also if it was already connected", async () => {
    const { visits } = served.registry.client;
    await visits.getOrCreate(["left"]).visit();
    for (let times = 0; times < 2; times++) await visits.getOrCreate(["right"]).visit();
    await show({ kind: "state", key: "left" });
    await served.shows("#state", "left 1");
    await served.shows("#both", "connected connected");
    await show({ kind: "state", key: "right" });
    await served.shows("#state", "right 2");
    await visits.get(["right"]).visit();
    await served.shows("#state", "right 3");
    await visits.get(["left"]).visit();
    await show({ kind: "state", key: "left" });
    await served.shows("#state", "left 2");
    const seen = await served.page.evaluate<string[]>("window.seen");
    const known = ["left loading", "left 1", "right loading", "right 2", "right 3", "left loading", "left 2"];
    assert.deepEqual([...new Set(seen)].sort(), [...new Set(known)].sort());
  });

  test("other parameters open another connection", async () => {
    await show({ key: "params", params: { token: "a" } });
    await served.shows("#state", "connected fine handle");
    await show({ key: "params", params: { token: "b" } });
    await served.page.waitForFunction(
      "window.seen.filter((state) => state === 'connected fine handle').length === 2",
    );
    assert.deepEqual(door.params, [{ token: "a" }, { token: "b" }]);
  });

  test("disabling disconnects, and enabling connects again", async () => {
    await show({ key: "switch" });
    await served.shows("#state", "connected fine handle");
    const left = once(departures, "left switch");
    await show({ key: "switch", enabled: false });
    await served.shows("#state", "idle fine -");
    await left;
    await show({ key: "switch", enabled: true });
    await served.shows("#state", "connected fine handle");
    assert.equal(door.connects, 2);
  });

  test("a refusal is shown, and enabling again retries", async () => {
    door.closed = true;
    await show({ key: "refused" });
    await served.shows("#state", "disconnected closed handle");
    door.closed = false;
    await show({ key: "refused", enabled: false });
    await show({ key: "refused", enabled: true });
    await served.shows("#state", "connected fine handle");
  });

  test("a component that remounts after its actor was destroyed connects to a new one", async () => {
    await show({ key: "destroyed" });
    await served.shows("#state", "connected fine handle");
    await served.registry.client.visits.get(["destroyed"]).remove();
    await served.page.waitForFunction("window.seen.at(-1).startsWith('disconnected')");
    await show(null);
    await show({ key: "destroyed" });
    await served.shows("#state", "connected fine handle");
  });

  test("an invalid name and a disposed client are shown as errors", async () => {
    await show({ name: "x".repeat(200), key: "a" });
    await served.shows("#state", "disconnected invalid_name -");
    await served.page.evaluate("window.disposeClient()");
    await show({ kind: "broken", key: "a" });
    await served.shows("#state", "disconnected disposed");
  });

  test("a component that suspended and was refused can retry", async () => {
    door.closed = true;
    await served.page.clock.install();
    await show({ kind: "suspended", key: "suspended" });
    await served.shows("#state", "caught closed");
    door.closed = false;
    await served.page.clock.fastForward(1_200);
    await served.page.click("#again");
    await served.shows("#state", "connected");
  });
});
