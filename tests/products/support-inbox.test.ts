import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { text as readText } from "node:stream/consumers";
import { test } from "node:test";
import { launchChromium, missingChromium } from "@holdfast/testing/chromium";
import { createClient } from "holdfast/client";
import type { Page } from "playwright-core";
import type { registry } from "../../examples/products/support-inbox/actors.ts";
import { build } from "../../examples/products/support-inbox/build.ts";
import { signatureOf } from "../../examples/products/support-inbox/http/outbound.ts";
import { assertAccessible, assertAccessibleInThemes } from "../e2e/support/axe.ts";
import { assertProductDocumented } from "../e2e/support/documented.ts";
import { startProduct } from "./support.ts";

const secret = "a secret for webhooks";
const teamCode = "a code for agents";

interface Delivery {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** The business: its mail system takes the answers, and its website has the widget. */
async function startBusiness(t: { after(end: () => void): void }) {
  const deliveries: Delivery[] = [];
  const server = createServer(async (request, response) => {
    const widget = new URL(request.url ?? "/", "http://localhost").searchParams.get("widget");
    if (widget !== null) {
      response.writeHead(200, { "content-type": "text/html" });
      response.end(`<!doctype html><title>Shop</title><script src="${widget}" defer></script>`);
      return;
    }
    deliveries.push({ headers: request.headers, body: await readText(request) });
    response.writeHead(204).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, website: `http://localhost:${port}/`, deliveries };
}

async function sendHook(url: string, hook: { id: string; name: string; subject: string; text: string }) {
  const { id, name, subject, text } = hook;
  const from = { name, email: `${name.split(" ")[0]?.toLowerCase()}@example.com` };
  const body = JSON.stringify({ id, from, subject, text });
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const headers = { "x-timestamp": timestamp, "x-signature": signatureOf(secret, timestamp, body) };
  const response = await fetch(`${url}/webhooks/messages`, { method: "POST", body, headers });
  assert.equal(response.status, 202);
}

async function join(page: Page, url: string, name: string, code?: string): Promise<void> {
  await page.goto(url);
  if (code !== undefined) {
    await page.getByRole("button", { name: "Join the team" }).click();
    await page.getByLabel("Code of the team").fill(code);
  }
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill("correct horse");
  await page.getByRole("button", { name: "Join", exact: true }).click();
  await page.getByRole("navigation", { name: "Views" }).waitFor();
}

test("a customer's message is drafted, approved and answered, over a crash; webhooks come in and go out once", {
  skip: missingChromium,
}, async (t) => {
  const business = await startBusiness(t);
  const env = { WEBHOOK_SECRET: secret, TEAM_CODE: teamCode, OUTBOUND_URL: business.url };
  const product = await startProduct(t, { name: "support-inbox", build, env });
  const { url } = product;
  const browser = await launchChromium();
  t.after(() => browser.close());
  const open = async (): Promise<Page> =>
    await (await browser.newContext({ reducedMotion: "reduce" })).newPage();
  const [eva, tom, shop] = [await open(), await open(), await open()];

  await eva.goto(url);
  await eva.getByText("the first account is yours").waitFor();
  await assertAccessible(eva, "joining");
  await join(eva, url, "Eva");
  await join(tom, url, "Tom", teamCode);

  await shop.goto(`${business.website}?widget=${url}/widget.js`);
  await shop.getByRole("button", { name: "Help" }).click();
  const widget = shop.frameLocator("iframe");
  await widget.getByLabel("Your name").fill("Ann Wood");
  await widget.getByLabel("E-mail").fill("ann@example.com");
  await widget.getByLabel("Subject").fill("Where is my order?");
  await widget.getByLabel("Message").fill("I ordered a lamp last week. When is the delivery?");
  await widget.getByRole("button", { name: "Send" }).click();
  await widget.getByText("We have your message").waitFor();

  const hooks = [
    { id: "mail-1", name: "Ben Reed", subject: "Invoice", text: "Please change my billing address." },
    { id: "mail-2", name: "Cleo Hart", subject: "Refund", text: "My parcel went back on Monday." },
    { id: "mail-3", name: "Dara Kim", subject: "Broken shade", text: "The shade of my lamp is broken." },
    { id: "mail-4", name: "Eli Novak", subject: "Password", text: "The link is too old." },
  ];
  // The sender repeats them all.
  for (const hook of [...hooks, ...hooks]) await sendHook(url, hook);
  const list = eva.getByRole("region", { name: "Tickets" });
  for (const name of ["Ann Wood", "Ben Reed", "Cleo Hart", "Dara Kim", "Eli Novak"])
    await list.getByText(name, { exact: true }).waitFor();
  assert.equal(await list.getByRole("listitem").count(), 5);

  for (const page of [eva, tom]) await page.getByRole("link", { name: /Ann Wood/ }).click();
  await eva.getByText("Tom is reading this, too.").waitFor();
  await eva.getByRole("button", { name: "Draft an answer" }).click();
  await tom.getByRole("region", { name: "Draft" }).waitFor();
  await product.kill();
  await eva.getByText("The connection is lost").waitFor();
  await product.start();
  await eva.getByText("Draft: read it before it is sent").waitFor();
  const draft = eva.getByLabel("Draft of the answer");
  assert.match(await draft.inputValue(), /Hello Ann,[\s\S]*two to four working days/);
  assert.equal(await widget.getByText("Hello Ann").count(), 0);
  await draft.fill(`${await draft.inputValue()}\n\nYour lamp is on its way.`);
  await eva.getByRole("button", { name: "Approve and send" }).click();
  await widget.getByText("Your lamp is on its way.").waitFor();
  await tom.getByText("approved by Eva").waitFor();
  // Of two agents who approve the same draft, the second is refused.
  const { hash } = new URL(tom.url());
  const second = await tom.evaluate<string>(`fetch("/actors/ticket/@${hash.split("/")[2]},/actions/reply", {
    method: "POST", headers: { "content-type": "application/json" },
    body: JSON.stringify({ args: ["r2", "The same again", "a draft of before"] }),
  }).then((response) => response.text())`);
  assert.match(second, /draft_gone/);

  await eva.getByLabel("Answer").fill("She is a regular customer.");
  await eva.getByRole("button", { name: "Add as note" }).click();
  await tom.getByText("She is a regular customer.").waitFor();
  await eva.getByLabel("Add a tag").fill("Delivery");
  await eva.getByLabel("Add a tag").press("Enter");
  await eva.getByRole("button", { name: "Remove the tag delivery" }).waitFor();
  await widget.getByLabel("Message").fill("Thank you! Can I return it if it is too bright?");
  await widget.getByRole("button", { name: "Send" }).click();
  await eva.getByText("Thank you!").first().waitFor();
  assert.equal(await widget.getByText("regular customer").count(), 0);
  const frame = shop.frames().find((each) => each.url().endsWith("/contact.html"));
  const token = await frame?.evaluate<string>("localStorage['support-conversation']");

  // What came in by a webhook is answered by one.
  await eva.getByRole("link", { name: /Ben Reed/ }).click();
  await eva.getByRole("heading", { name: "Invoice" }).waitFor();
  await eva.getByLabel("Answer").fill("It is changed.");
  await eva.getByRole("button", { name: "Send" }).click();
  await eva.getByText("Delivered", { exact: true }).waitFor();
  const [delivery] = business.deliveries;
  assert.equal(business.deliveries.length, 1);
  assert.match(delivery?.body ?? "", /"to":\{"name":"Ben Reed","email":"ben@example.com"\}.*It is changed\./);
  const timestamp = String(delivery?.headers["x-timestamp"]);
  assert.equal(delivery?.headers["x-signature"], signatureOf(secret, timestamp, delivery?.body ?? ""));
  await eva.getByLabel("Assigned to").selectOption("Tom");
  await eva.getByRole("button", { name: "Close", exact: true }).click();
  await eva.getByRole("button", { name: "Open again" }).waitFor();
  await eva.getByLabel("Search in all tickets").fill("billing");
  await list.getByText("closed").waitFor();
  assert.equal(await list.getByRole("listitem").count(), 1);
  await eva.getByLabel("Search in all tickets").fill("");

  await eva.getByRole("link", { name: /All open/ }).click();
  await eva.getByRole("link", { name: /Ann Wood/ }).click();
  await eva.getByRole("heading", { name: "Where is my order?" }).waitFor();
  await eva.getByRole("button", { name: "Draft an answer" }).click();
  await eva.getByText("Draft: read it before it is sent").waitFor();
  await list.getByText("draft", { exact: true }).waitFor();
  await assertAccessibleInThemes(eva, "the inbox");
  await assertProductDocumented(eva, "support-inbox");
  await tom.setViewportSize({ width: 390, height: 844 });
  await tom.getByRole("link", { name: "Back to the list" }).click();
  await tom.getByText("Cleo Hart", { exact: true }).waitFor();
  assert.equal(await tom.evaluate<number>("document.documentElement.scrollWidth"), 390);

  // A customer's token opens their conversation only, and none of what is for agents.
  const place = JSON.parse(token ?? "{}") as { ticketId: string; token: string };
  const customer = createClient<typeof registry>(url);
  t.after(() => customer.dispose());
  const params = { token: place.token };
  const own = customer.ticket.get([place.ticketId], { params });
  assert.equal((await own.conversation()).messages.length, 3);
  await assert.rejects(own.view(), { code: "forbidden" });
  await assert.rejects(own.reply("r1", "I am an agent"), { code: "forbidden" });
  await assert.rejects(customer.ticket.getOrCreate(["another"], { params }).conversation(), {
    code: "forbidden",
  });
  await assert.rejects(customer.ticket.get([place.ticketId]).conversation(), { code: "signed_out" });
  await tom.goto(`${url}/contact.html`);
  await tom.getByRole("heading", { name: "How can we help?" }).waitFor();
  await assertAccessible(tom, "the page for customers");
  await tom.evaluate(`localStorage["support-conversation"] = ${JSON.stringify(token)}`);
  await tom.reload();
  await tom.getByText("Your lamp is on its way.").waitFor();
  await assertAccessibleInThemes(tom, "the conversation of a customer");
});
