/** What a clock of the machine that is set while a jail runs changes about its calls. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Guest, ok, TestTools } from "./broker-support.ts";
import { missing, openGate } from "./support.ts";

test("a frame that comes again is not a second call, however the clock was set meanwhile", {
  skip: missing("bwrap"),
}, async (t) => {
  let now = Date.now();
  const gate = await openGate(t, { clock: { now: () => now } });
  const tools = new TestTools({ act: { handler: ({ correlation }) => ok({ correlation }) } });
  gate.tools.register(tools);
  const guest = await Guest.start(t, gate);
  guest.open("agent", "agent");
  const day = 24 * 3_600_000;
  for (const [correlation, steps] of Object.entries({ ahead: [day], back: [-day], both: [day, -day] })) {
    const { payload } = await guest.call("agent", "act", {}, correlation);
    for (const step of steps) {
      now += step;
      assert.deepEqual((await guest.call("agent", "act", {}, correlation)).payload, payload);
    }
  }
  assert.deepEqual(
    tools.calls.map((call) => call.correlation),
    ["ahead", "back", "both"],
  );
  assert.equal((await gate.audit.verify()).ok, true);
});
