import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultLimits } from "../limits.ts";
import { readMessage } from "./message.ts";
import { PendingRequests } from "./pending.ts";
import { Watchdog } from "./watchdog.ts";

test("a jump of the system clock does not count as silence of an agent", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let [ranMs, clockMs] = [0, 1_000_000_000];
  t.mock.method(performance, "now", () => ranMs);
  t.mock.method(Date, "now", () => clockMs);
  const pass = (ms: number) => {
    ranMs += ms;
    clockMs += ms;
    t.mock.timers.tick(ms);
  };
  const pending = new PendingRequests();
  const cuts: string[] = [];
  const silenceTimeoutMs = 600_000;
  const watchdog = new Watchdog({ ...defaultLimits, silenceTimeoutMs }, pending, (reason) =>
    cuts.push(reason),
  );
  t.after(() => watchdog.stop());
  const message = readMessage('{"jsonrpc":"2.0","id":1,"method":"session/prompt","params":{}}');
  assert.ok(message?.key !== undefined && message.idText !== undefined);
  const { key, idText } = message;
  pending.add(
    { ...message, key, idText },
    { method: "session/prompt", message, idText, internal: false, settle: () => {} },
  );
  watchdog.touch();
  pass(300_000);
  watchdog.touch();
  // A machine that was suspended for a day, or a corrected clock: both appear as a jump.
  for (const jumpMs of [86_400_000, -86_400_000 * 365]) {
    clockMs += jumpMs;
    pass(300_000);
    assert.deepEqual(cuts, []);
    watchdog.touch();
  }
  pass(600_000);
  assert.deepEqual(cuts, ["agent_silent"]);
});
