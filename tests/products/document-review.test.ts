/** Document review: an owner and two reviewers with links from mails, a model over the real wire, and a killed server. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { launchChromium, missingChromium } from "@holdfast/testing/chromium";
import type { Page } from "playwright-core";
import { build } from "../../examples/products/document-review/build.ts";
import { assertAccessibleInThemes } from "../e2e/support/axe.ts";
import { assertProductDocumented } from "../e2e/support/documented.ts";
import { startProduct } from "./support.ts";

const agreement = (days: number) => `# Supply agreement

North Mill delivers flour to Corner Bakery, 40 sacks on the first Monday of each month.

The supplier shall replace a faulty delivery within ${days} days. The price is 18.40 EUR a sack until 2027-12-31.

Either side may terminate the agreement with three months' notice.
`;

const summary = (days: number) => ({
  summary: `North Mill supplies Corner Bakery with 40 sacks of flour a month, at a fixed price until the end of 2027. Faulty deliveries are replaced within ${days} days. Either side may end it with three months' notice.`,
  points: [
    { kind: "party", text: "North Mill (supplier), Corner Bakery (buyer)" },
    { kind: "amount", text: "18.40 EUR a sack, 40 sacks a month" },
    { kind: "date", text: "Price fixed until 31 December 2027" },
    { kind: "duty", text: `Replacement of faulty deliveries within ${days} days` },
    { kind: "risk", text: "Three months' notice for both sides" },
  ],
});

interface Mail {
  readonly key: string;
  readonly to: string;
  readonly link: string;
}

/** A model with the API of OpenAI and a mail service. The first question to the model is never answered. */
async function startServices(t: TestContext) {
  const mails: Mail[] = [];
  const asked = Promise.withResolvers<void>();
  let questions = 0;
  let arrived = Promise.withResolvers<void>();
  const server = createServer(async (request, response) => {
    const body: unknown = JSON.parse(await text(request));
    if (request.url === "/mail") {
      const { to, text: words } = body as { to: string; text: string };
      const key = String(request.headers["idempotency-key"]);
      mails.push({ key, to, link: /\/#\/link\/\S+/.exec(words)?.[0] ?? "" });
      arrived.resolve();
      arrived = Promise.withResolvers();
      response.end();
      return;
    }
    questions += 1;
    if (questions === 1) return asked.resolve();
    const days = JSON.stringify(body).includes("14 days") ? 14 : 30;
    const message = { role: "assistant", content: JSON.stringify(summary(days)) };
    const choices = [{ index: 0, message, finish_reason: "stop" }];
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({ id: "1", object: "chat.completion", created: 1, model: "m", choices, usage }),
    );
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const mailTo = async (to: string): Promise<Mail> => {
    for (;;) {
      const found = mails.findLast((mail) => mail.to === to);
      if (found !== undefined) return found;
      await arrived.promise;
    }
  };
  return { url, mails, asked: asked.promise, mailTo };
}

const file = (days: number) => ({
  ...{ name: "agreement.md", mimeType: "text/markdown" },
  buffer: Buffer.from(agreement(days)),
});

async function createDocument(page: Page): Promise<void> {
  await page.getByRole("button", { name: "I need an account" }).click();
  await page.getByLabel("Name").fill("Ada");
  await page.getByLabel("Password").fill("a long password");
  await assertAccessibleInThemes(page, "new account");
  await page.getByRole("button", { name: "Create the account" }).click();
  await page.getByRole("button", { name: "New document" }).click();
  await page.getByLabel("Title").fill("Supply agreement");
  await page.getByLabel("File").setInputFiles(file(30));
  await page.getByRole("button", { name: "Add a reviewer" }).click();
  for (const [at, name] of ["Ben", "Cleo"].entries()) {
    await page.getByLabel(`Reviewer ${at + 1}`, { exact: true }).fill(name);
    await page.getByLabel(`Reviewer ${at + 1}: mail`).fill(`${name.toLowerCase()}@example.com`);
  }
  await page.getByLabel("Deputy", { exact: true }).fill("Dan");
  await assertAccessibleInThemes(page, "new document");
  await page.getByRole("button", { name: "Send it to the first reviewer" }).click();
}

test("two reviewers decide by their links, and nothing is lost when the server is killed", {
  skip: missingChromium,
  timeout: 120_000,
}, async (t) => {
  const services = await startServices(t);
  const env = { MODEL: "m", MODEL_URL: services.url, MAIL_WEBHOOK_URL: `${services.url}/mail` };
  const product = await startProduct(t, { name: "document-review", build, env });
  const browser = await launchChromium();
  t.after(async () => await browser.close());
  const open = async (path: string): Promise<Page> => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${product.url}${path}`);
    return page;
  };
  const ada = await open("/");
  await createDocument(ada);
  await services.asked;
  await ada.getByText("The document is being read").waitFor();
  await product.kill();
  await ada.getByText("The connection is lost.").waitFor();
  await product.start();
  await ada.getByText("replaced within 30 days").waitFor();

  const toBen = await services.mailTo("ben@example.com");
  const ben = await open(toBen.link);
  await ben.getByRole("button", { name: "Ask for changes" }).click();
  await ben.getByText("Say in a comment why.").waitFor();
  await ben.getByLabel("Comment, needed").fill("30 days without flour is too long. 14?");
  await ben.getByRole("button", { name: "Ask for changes" }).click();
  await ada.getByText("Changes asked for").first().waitFor();
  assert.equal(await ben.evaluate("location.hash.includes('link')"), false);
  await ada.getByLabel("New version").setInputFiles(file(14));
  await ben.getByText("within 14 days").first().waitFor();
  await ben.getByRole("button", { name: "Approve" }).click();
  await ben.getByRole("heading", { name: "Your decision" }).waitFor({ state: "detached" });
  await product.kill();
  await product.start();

  const cleo = await open((await services.mailTo("cleo@example.com")).link);
  await cleo.getByLabel("New comment").fill("14 days is what we have with others, too.");
  await cleo.getByRole("button", { name: "Comment" }).click();
  await cleo.getByRole("article").getByText("what we have with others").waitFor();
  await assertAccessibleInThemes(cleo, "a decision");
  await cleo.evaluate("scrollTo(0, 0)");
  await assertProductDocumented(cleo, "document-review");
  await cleo.getByRole("button", { name: "Approve" }).click();
  await ada.locator("header .badge", { hasText: "Approved" }).waitFor();
  await ada.getByText("The chain is intact.").waitFor();
  await assertAccessibleInThemes(ada, "an approved document");
  const trail = await ada.locator(".audit li > span").allInnerTexts();
  assert.deepEqual(
    trail.toReversed().filter((entry) => !entry.startsWith("the system") && !entry.includes("uploaded")),
    [
      "Ben asked for changes of version 1: 30 days without flour is too long. 14?",
      "Ben approved version 2",
      "Cleo commented",
      "Cleo approved version 2",
    ],
  );
  // A mail may be sent twice where the server dies between the two; its key is then the same.
  const keys = new Set(services.mails.map(({ key, to }) => `${to} ${key}`));
  assert.deepEqual(
    [...keys].map((key) => key.split("@")[0]),
    ["ben", "ben", "cleo"],
  );
  // A page that does not reach the server says so, and asks again.
  const dan = await (await browser.newContext()).newPage();
  await dan.route("**/session", (route) => route.abort(), { times: 1 });
  await dan.goto(product.url);
  await dan.getByText("The server cannot be reached.").waitFor();
  await dan.getByRole("button", { name: "Try again" }).click();
  await dan.getByRole("button", { name: "I need an account" }).waitFor();
  // Whoever has no link sees nothing.
  const eve = await open(`/${new URL(ada.url()).hash}`);
  await eve.getByText("This document is closed to you").waitFor();
});
