import assert from "node:assert/strict";
import { test } from "node:test";
import { setupTest } from "holdfast/test";
import { registry } from "./actors.ts";
import { signatureOf } from "./http/outbound.ts";
import { routes } from "./http/routes.ts";

const secret = "a secret for tests";

function hookRequest(body: string, signature: string, timestamp: string): Request {
  const headers = { "x-timestamp": timestamp, "x-signature": signature };
  return new Request("http://localhost/webhooks/messages", { method: "POST", body, headers });
}

test("a webhook is kept once however often it comes, and a forged or old one never", async (t) => {
  process.env["WEBHOOK_SECRET"] = secret;
  t.after(() => delete process.env["WEBHOOK_SECRET"]);
  const { client, crash } = await setupTest(t, registry);
  const { fetch } = routes(client as (typeof registry)["client"]);
  const send = async (id: string, text: string, age = 0, key = secret) => {
    const body = JSON.stringify({ id, from: { name: "Ann", email: "ann@example.com" }, text });
    const timestamp = String(Math.floor(Date.now() / 1_000) - age);
    return await fetch(hookRequest(body, signatureOf(key, timestamp, body), timestamp));
  };
  const first = (await (await send("m1", "Where is my parcel?")).json()) as { ticket: string };
  await crash();
  const repeated = await Promise.all([send("m1", "Where is my parcel?"), send("m1", "Where is my parcel?")]);
  assert.deepEqual(await Promise.all(repeated.map(async (each) => (await each.json()).isNew)), [
    false,
    false,
  ]);
  assert.equal((await send("m2", "And my invoice?")).status, 202);
  assert.equal((await send("m3", "Forged", 0, "guessed")).status, 401);
  assert.equal((await send("m4", "Recorded", 3_600)).status, 401);
  const { messages } = await client.ticket.get([first.ticket]).conversation();
  assert.deepEqual(
    messages.map(({ text }) => text),
    ["Where is my parcel?", "And my invoice?"],
  );
});

test("the inbox lists and finds tickets, also after a crash", async (t) => {
  const { client, clock, crash } = await setupTest(t, registry);
  const receive = async (name: string, subject: string, text: string) =>
    await client.ticket
      .getOrCreate([`page-${name}`])
      .receive({ id: name, name, email: `${name}@example.com`, subject, text, source: "page" });
  await receive("ann", "Parcel", "My order has not arrived");
  await receive("bob", "Invoice", "I need another billing address");
  await crash();
  await clock.settle();
  const inbox = client.inbox.getOrCreate(["main"]);
  const { tickets, counts } = await inbox.list({ view: "waiting" });
  assert.deepEqual(tickets.map(({ customer, number }) => [customer, number]).sort(), [
    ["ann", 1],
    ["bob", 2],
  ]);
  assert.deepEqual(counts, { waiting: 2, mine: 0, unassigned: 2, open: 2, closed: 0 });
  const found = await inbox.list({ view: "waiting", search: 'bill" addr' });
  assert.deepEqual(
    found.tickets.map(({ customer }) => customer),
    ["bob"],
  );
});

test("without the code of the team, only the first agent joins", async (t) => {
  const { client } = await setupTest(t, registry);
  const team = client.team.getOrCreate(["main"]);
  const eva = await team.join("Eva", "correct horse", false);
  await assert.rejects(team.join("Tom", "correct horse", false), { code: "wrong_code" });
  await team.join("Tom", "correct horse", true);
  assert.deepEqual(await team.check("eva", "correct horse"), eva);
  await assert.rejects(team.check("eva", "wrong horse"), { code: "wrong_password" });
});
