import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../support.ts";
import { startStripe, writePlans } from "./support.ts";

class Process {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(t: TestContext, args: readonly string[]) {
    const program = fileURLToPath(new URL("process.ts", import.meta.url));
    const child = spawn(process.execPath, [program, ...args], { stdio: ["pipe", "pipe", "inherit"] });
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    t.after(() => child.kill("SIGKILL"));
  }

  async say(line: string): Promise<string> {
    this.send(line);
    const { value } = await this.#lines.next();
    return String(value);
  }

  send(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }
}

test("kill -9 between a report of usage and its note: every minute is charged once", async (t) => {
  const folder = temporaryFolder(t);
  const stripe = await startStripe(t);
  writePlans(folder);
  const args = [join(folder, "actors.db"), folder, stripe.url];
  const charged = () =>
    stripe.billing.meterEvents.reduce((sum, { payload }) => sum + Number(payload["value"]), 0);
  let server = new Process(t, args);
  await server.say("use 50");
  const { url } = JSON.parse(await server.say("choose team")) as { readonly url: string };
  stripe.pay(url);
  await server.say("run");
  assert.equal(charged(), 0, "what was used before the plan is not charged");
  await server.say("use 7");
  await server.say("run");
  assert.equal(charged(), 7);
  for (const [round, fault] of (["hang", "unreached"] as const).entries()) {
    await server.say("use 10");
    const reached = stripe.hang(/POST \/v1\/billing\/meter_events/, fault === "hang");
    server.send("run");
    await reached;
    await server.kill();
    // More is used before what was in flight is told.
    server = new Process(t, args);
    await server.say("use 3");
    await server.say("run");
    assert.equal(charged(), 7 + (round + 1) * 13, `round ${round}`);
  }
  await server.say("run");
  assert.equal(charged(), 33);
  const events = stripe.billing.meterEvents;
  assert.equal(new Set(events.map(({ identifier }) => identifier)).size, events.length);
  // The invoice of the period has the base, and 33 minutes at two cents.
  stripe.advance(31 * 24 * 60 * 60 * 1000);
  const { total } = [...stripe.billing.invoices.values()].at(-1) ?? assert.fail("no invoice");
  assert.equal(total, 2_000 + 33 * 2);
  await server.kill();
});
