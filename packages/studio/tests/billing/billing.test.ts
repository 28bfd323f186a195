/** Plans, seats, webhooks and limits of a whole Studio against the emulator of Stripe. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { type StripeEmulator, signatureHeader } from "@holdfast/testing/stripe";
import { createStudioClient, type Studio } from "../../src/index.ts";
import { type Credentials, connectAs } from "../access/people-support.ts";
import { asOperator, joinAs, organization, send, signIn, start } from "../people/studio-support.ts";
import { temporaryFolder } from "../support.ts";
import { settingsOf, startStripe, untilOverview, webhookSecret, writePlans } from "./support.ts";

const closing: (() => unknown)[] = [];
const scope = { after: (end: () => unknown) => closing.push(end) } as unknown as TestContext;
let stripe: StripeEmulator;
let studio: Studio;
let webhooks: ReturnType<StripeEmulator["sendWebhooksTo"]>;

before(async () => {
  stripe = await startStripe(scope);
  const data = join(temporaryFolder(scope), "data");
  writePlans(data);
  studio = await start(scope, data, { billing: settingsOf(stripe) });
  webhooks = stripe.sendWebhooksTo(`${studio.url}/billing/webhook`, webhookSecret);
});
after(async () => {
  for (const end of closing.toReversed()) await end();
});

const month = 31 * 24 * 60 * 60 * 1000;
const is = (code: string) => (error: unknown) => isErrorCode(error, "billing", code);
const task = { repository: "sample", agent: "none", prompt: "work" };
const subscriptions = () => [...stripe.billing.subscriptions.values()];
const seats = () =>
  subscriptions()
    .at(-1)
    ?.items.data.find(({ price }) => price.id === "price_seat")?.quantity;

const deliver = (body: string, signature?: string) =>
  fetch(`${studio.url}/billing/webhook`, {
    method: "POST",
    body,
    headers: signature === undefined ? {} : { "stripe-signature": signature },
  });

test("without a key there is no billing, and its webhook leads nowhere", async (t) => {
  const free = await start(t);
  const options = await send(free, "GET", "/auth/options");
  assert.deepEqual(options.body, { people: true, mail: false });
  await assert.rejects(free.client.billing.overview(), is("not_enabled"));
  await assert.rejects(free.client.billing.invoices(), is("not_enabled"));
  await assert.rejects(free.client.billing.choosePlan("team"), is("not_enabled"));
  assert.equal((await send(free, "POST", "/billing/webhook")).status, 404);
});

test("a key without plans, and settings that make no sense, are refused at the start", async (t) => {
  const data = join(temporaryFolder(t), "data");
  const settings = settingsOf(stripe);
  await assert.rejects(start(t, data, { billing: settings }), is("invalid_plans"));
  writePlans(data);
  for (const wrong of [{ key: "pk_test_1" }, { webhookSecret: "secret" }, { url: "stripe" }])
    await assert.rejects(start(t, data, { billing: { ...settings, ...wrong } }), is("invalid_settings"));
});

test("the free plan limits new tasks, and nothing else", async () => {
  const overview = await studio.client.billing.overview();
  assert.deepEqual([overview.plan.name, overview.standing, overview.isCustomer], ["free", "free", false]);
  assert.deepEqual(overview.seats, { used: 1, included: 2, paid: null });
  await assert.rejects(studio.client.billing.managePayment(), is("no_payment"));
  await assert.rejects(studio.client.billing.choosePlan("gold"), is("unknown_plan"));
  // The plan allows it: the agent is what is missing.
  await assert.rejects(studio.client.organization.createTask(task), (error) => !is("limit_reached")(error));
  const operator = await asOperator(studio);
  for (const name of ["ada", "bob", "cy"]) await joinAs(studio, operator, "member", `${name}@example.org`);
  const full = await untilOverview(studio.client, ({ seats: { used } }) => used === 3);
  assert.match(full.notices[0]?.text ?? "", /3 members, and the plan has 2 seats. No new task starts/);
  await assert.rejects(studio.client.organization.createTask(task), is("limit_reached"));
  assert.deepEqual((await studio.client.organization.listTasks()).tasks, []);
});

test("a checkout that is paid gives the plan, its seats and an invoice; a checkout before it ends", async () => {
  const plans = await studio.client.billing.plans();
  assert.deepEqual(
    plans.map(({ name, price, seatPrice }) => [name, price?.amount ?? null, seatPrice?.amount ?? null]),
    [
      ["free", null, null],
      ["team", 2_000, 500],
      ["flat", 9_900, null],
    ],
  );
  const before = await studio.client.billing.choosePlan("team");
  // The answer to the first attempt is lost: the SDK repeats it under the same key.
  stripe.faults.push({ at: /POST \/v1\/checkout\/sessions$/, kind: "lost" });
  const { url } = await studio.client.billing.choosePlan("team");
  assert.throws(() => stripe.pay(before.url), /No such open checkout/);
  stripe.pay(url);
  const paid = await untilOverview(studio.client, ({ standing }) => standing === "active");
  assert.equal(paid.plan.name, "team");
  assert.deepEqual(paid.seats, { used: 3, included: 2, paid: 1 });
  assert.deepEqual(paid.notices, []);
  assert.equal(stripe.billing.customers.size, 1);
  const [invoice, ...more] = await studio.client.billing.invoices();
  assert.deepEqual([invoice?.status, invoice?.total, more.length], ["paid", 2_500, 0]);
  assert.match(invoice?.url ?? "", /\/i\/in_/);
  assert.match((await studio.client.billing.managePayment()).url, /\/portal\/bps_/);
});

test("each event counts once by its id, with a signature that is at most five minutes old", async () => {
  const event = stripe.events.at(-1);
  assert.ok(event !== undefined);
  const { body } = event;
  const now = Math.floor(Date.now() / 1000);
  const answer = async (at: number, secret = webhookSecret) => {
    const response = await deliver(body, signatureHeader(body, secret, at));
    return [response.status, ((await response.json()) as { readonly duplicate?: boolean }).duplicate];
  };
  await webhooks.settled();
  assert.deepEqual(await answer(now), [200, true]);
  assert.deepEqual(await answer(now - 290), [200, true]);
  for (const [at, secret] of [[now - 310], [now + 310], [now, "whsec_another"]] as const)
    assert.deepEqual(await answer(at, secret), [401, undefined]);
  assert.equal((await deliver(body)).status, 401);
  const changed = body.replace("evt_", "evt_x");
  assert.equal((await deliver(changed, signatureHeader(body, webhookSecret, now))).status, 401);
  const fresh = { id: "evt_fresh", object: "event", type: "invoice.paid", created: now };
  const metadata = { holdfast_organization: "local", holdfast_studio: "another" };
  const foreign = JSON.stringify({ ...fresh, data: { object: { metadata } } });
  const ignored = await deliver(foreign, signatureHeader(foreign, webhookSecret, now));
  assert.deepEqual([ignored.status, await ignored.json()], [200, { ignored: true }]);
});

test("events that come late, twice and backwards change nothing about what is read", async () => {
  webhooks.isHolding = true;
  const [subscription] = subscriptions();
  assert.ok(subscription !== undefined);
  stripe.billing.declined.add(subscription.customer);
  stripe.advance(month);
  stripe.billing.declined.delete(subscription.customer);
  stripe.billing.retryPayments(subscription.customer);
  const held = webhooks.held.splice(0).toReversed();
  assert.ok(held.some(({ body }) => body.includes('"past_due"')));
  webhooks.isHolding = false;
  // The last one that arrives says that the payment has failed.
  for (const delivery of held) {
    webhooks.send(delivery);
    webhooks.send(delivery);
    await webhooks.settled();
  }
  const end = subscription.items.data[0]?.current_period_end ?? 0;
  const now = await untilOverview(studio.client, ({ periodEndsAt }) => periodEndsAt === end * 1000);
  assert.equal(now.standing, "active");
  assert.equal((await studio.client.billing.refresh()).standing, "active");
});

test("seats follow the members, and the rest of the period is charged or given back", async () => {
  assert.equal(seats(), 1);
  const list = await send(studio, "GET", `${organization}/members`, await asOperator(studio));
  const members = list.body["members"] as readonly { readonly person: string; readonly name: string }[];
  const bob = members.find(({ name }) => name.startsWith("bob"))?.person;
  const gone = await send(studio, "DELETE", `${organization}/members/${bob}`, await asOperator(studio));
  assert.equal(gone.status, 204, JSON.stringify(gone.body));
  await untilOverview(studio.client, (overview) => overview.seats.paid === 0 && overview.seats.used === 2);
  assert.equal(seats(), undefined);
  stripe.advance(month);
  const { lines } = [...stripe.billing.invoices.values()].at(-1) ?? assert.fail("no invoice");
  assert.ok(lines.data.some(({ description, amount }) => /Unused time/.test(description) && amount < 0));
});

test("a payment that fails is said to owners and admins, and the plan goes on until it is paid", async () => {
  const [subscription] = subscriptions();
  const customer = subscription?.customer ?? "";
  // Nobody who has joined is an owner, so it is the operator's.
  const inbox = studio.client.inbox("operator");
  let changed = Promise.withResolvers<void>();
  const watch = await inbox.on("changed", () => changed.resolve());
  const told = async (is: string) => {
    for (;;) {
      changed = Promise.withResolvers<void>();
      const [entry] = (await inbox.list()).entries;
      if (entry?.payment === is) return entry;
      await changed.promise;
    }
  };
  stripe.billing.declined.add(customer);
  stripe.advance(month);
  const due = await untilOverview(studio.client, ({ standing }) => standing === "past-due");
  assert.equal(due.plan.name, "team");
  assert.ok(due.graceEndsAt !== null && due.graceEndsAt > Date.now());
  assert.deepEqual([due.notices[0]?.kind, due.notices[0]?.severity], ["past-due", "error"]);
  const failed = await told("failed");
  assert.deepEqual([failed.kind, failed.task, failed.isUnread], ["payment", undefined, true]);
  assert.match(failed.text, /The plan goes on until \d{4}-/);
  await inbox.done([failed.id]);
  stripe.billing.declined.delete(customer);
  stripe.billing.retryPayments(customer);
  const paid = await untilOverview(studio.client, ({ standing }) => standing === "active");
  assert.deepEqual([paid.graceEndsAt, paid.notices], [null, []]);
  assert.deepEqual([(await told("paid")).id, (await inbox.list()).counts.open], [failed.id, 1]);
  await watch.close();
});

test("another plan changes the subscription that is there", async () => {
  assert.deepEqual(await studio.client.billing.choosePlan("flat"), { url: null });
  assert.equal((await studio.client.billing.overview()).plan.name, "flat");
  assert.equal(subscriptions().length, 1);
  assert.deepEqual(
    subscriptions()[0]?.items.data.map(({ price }) => price.id),
    ["price_flat"],
  );
});

test("while Stripe is down the Studio works on, says when it knew, and reads again by itself", async () => {
  const check = () => studio.client.administration.checkConnection("payments");
  const working = await check();
  assert.deepEqual([working.isWorking, /knows the 4 prices/.test(working.detail)], [true, true]);
  stripe.isDown = true;
  assert.equal((await check()).error?.code, "stripe_unavailable");
  await assert.rejects(studio.client.billing.refresh(), is("stripe_unavailable"));
  const stale = await studio.client.billing.overview();
  assert.equal(stale.plan.name, "flat");
  assert.match(stale.notices[0]?.text ?? "", /Stripe could not be read. This is how it was a moment ago/);
  assert.equal((await studio.client.billing.plans())[2]?.price?.amount, 9_900);
  await assert.rejects(studio.client.organization.createTask(task), (error) =>
    isErrorCode(error, "agent", "not_found"),
  );
  stripe.isDown = false;
  for (const kind of ["rate_limit", "error", "disconnect"] as const) stripe.faults.push({ kind });
  await studio.client.billing.refresh().catch(() => undefined);
  const { notices } = await studio.client.billing.refresh();
  assert.deepEqual(notices, []);
});

test("the free plan ends the subscription with its period, can be taken back, and deletes nothing", async () => {
  await studio.client.billing.choosePlan("free");
  const ending = await studio.client.billing.overview();
  assert.deepEqual([ending.plan.name, ending.standing], ["flat", "ending"]);
  await studio.client.billing.choosePlan("flat");
  assert.equal((await studio.client.billing.overview()).standing, "active");
  await studio.client.billing.choosePlan("free");
  stripe.advance(month);
  const free = await untilOverview(studio.client, ({ standing }) => standing === "free");
  assert.deepEqual([free.plan.name, free.seats.used, free.isCustomer], ["free", 2, true]);
  assert.ok((await studio.client.billing.invoices()).length >= 4);
});

test("each organization has a plan of its own; one that is deleted pays for no further period", async (t) => {
  const operator = await asOperator(studio);
  const name = "Analytical Engines";
  const created = await send(studio, "POST", "/people/organizations", operator, { name });
  assert.equal(created.status, 201, JSON.stringify(created.body));
  const id = String(created.body["id"]);
  const other = createStudioClient(connectAs(t, studio.url, operator), id);
  const { url } = await other.billing.choosePlan("team");
  const { success_url } = [...stripe.billing.checkouts.values()].at(-1) ?? assert.fail("no checkout");
  assert.equal(success_url, `${studio.url}/o/${id}/settings/billing?from=checkout`);
  stripe.pay(url);
  await untilOverview(other, ({ plan }) => plan.name === "team");
  assert.equal((await studio.client.billing.overview()).plan.name, "free");
  await webhooks.settled();
  const path = `/people/organizations/${id}`;
  const ended = stripe.nextEvent("customer.subscription.updated");
  assert.equal((await send(studio, "DELETE", path, operator, { name })).status, 204);
  await ended;
  assert.equal(subscriptions().at(-1)?.cancel_at_period_end, true);
  await webhooks.settled();
  const late = stripe.events.at(-1)?.body ?? "";
  const signature = signatureHeader(
    late.replace("evt_", "evt_late"),
    webhookSecret,
    Math.floor(Date.now() / 1000),
  );
  assert.equal((await deliver(late.replace("evt_", "evt_late"), signature)).status, 200);
});

test("owners and admins reach it, others do not", async (t) => {
  const overview = (credentials: Credentials) =>
    createStudioClient(connectAs(t, studio.url, credentials)).billing.overview();
  assert.equal((await overview(await asOperator(studio))).plan.name, "free");
  const refused = overview(await signIn(studio, "ada@example.org"));
  await assert.rejects(refused, (error) => isErrorCode(error, "auth", "forbidden"));
});
