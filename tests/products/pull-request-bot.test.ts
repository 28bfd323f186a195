/** The pull request bot, against an emulator of GitHub with real git: its agent works in a real jail. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { launchChromium, missingChromium } from "@holdfast/testing/chromium";
import { GitHubEmulator } from "@holdfast/testing/github";
import type { Page } from "playwright-core";
import { build } from "../../examples/products/pull-request-bot/build.ts";
import { files } from "../../examples/products/pull-request-bot/local-forge/sample.ts";
import { assertAccessibleInThemes } from "../e2e/support/axe.ts";
import { assertProductDocumented } from "../e2e/support/documented.ts";
import { startProduct } from "./support.ts";

const missing = missingChromium || (spawnSync("bwrap", ["--version"]).status !== 0 && "needs bubblewrap");
const [secret, password] = ["webhook-secret", "correct horse battery"];

async function startForge() {
  const forge = await GitHubEmulator.start();
  const shop = await forge.addRepository("corner/shop", files);
  shop.members.set("ada", "write");
  const env = {
    ...{ FORGE_API_URL: forge.apiUrl, FORGE_URL: forge.url },
    FORGE_TOKEN: forge.accounts.personalToken("pull-request-bot"),
    ...{ WEBHOOK_SECRET: secret, BOT_PASSWORD: password, BOT_CONCURRENCY: "1" },
  };
  return { forge, shop, env, ada: forge.accounts.user("ada"), eve: forge.accounts.user("eve") };
}

async function signIn(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.getByLabel("Password").fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("That is not the password.").waitFor();
  await assertAccessibleInThemes(page, "sign-in");
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("No jobs yet.").waitFor();
}

test("an issue becomes one pull request, although the bot is killed at the worst moments", {
  skip: missing,
  timeout: 180_000,
}, async (t) => {
  const { forge, shop, env, ada, eve } = await startForge();
  t.after(async () => await forge.close());
  const bot = await startProduct(t, { name: "pull-request-bot", build, env });
  const hooks = forge.sendWebhooksTo(`${bot.url}/webhook`, secret);
  const browser = await launchChromium();
  t.after(async () => await browser.close());
  const page = await browser.newPage();
  await signIn(page, bot.url);

  // Nobody starts a job who may not write: neither by a forged webhook nor by a comment.
  const body = JSON.stringify({ action: "labeled" });
  const forged = createHmac("sha256", "other").update(body).digest("hex");
  const headers = { "x-github-event": "issues", "x-hub-signature-256": `sha256=${forged}` };
  assert.equal((await fetch(`${bot.url}/webhook`, { method: "POST", body, headers })).status, 401);
  const rounding = shop.addIssue("Totals are off by a cent", ada, "0.1 and 0.2 make 0.357 with tax.");
  shop.addComment({ number: rounding.number, author: eve, body: "/fix" });
  await hooks.settled();

  // The forge opens the pull request, and the bot dies before it learns that.
  forge.faults.push({ kind: "call", at: /^POST .*\/pulls$/, call: bot.kill });
  shop.label(rounding.number, "bot", ada);
  await page.getByText("The connection is lost.").waitFor();
  await bot.start();
  // Nobody looks at the job, which goes on all the same.
  await page.locator('[data-status="done"]').waitFor();
  await page.getByRole("link", { name: "Totals are off by a cent" }).click();
  await page.getByRole("link", { name: "Review the pull request" }).waitFor();
  const pulls = [...shop.pullRequests.values()];
  assert.equal(pulls.length, 1);
  assert.equal(pulls[0]?.title, "Totals are off by a cent");
  const changed = await shop.bare.git(["show", `${pulls[0]?.head}:src/total.js`]);
  assert.match(changed, /Math\.round/);
  await page.getByText("+  return Math.round(sum * 119) / 100;").waitFor();

  // A person asks for another one; the bot dies while the agent works, and takes it up again until it is stopped.
  const slow = shop.addIssue("Add a line to the readme", ada, "Do it slowly.");
  hooks.isHolding = true;
  shop.addComment({ number: slow.number, author: ada, body: "/fix" });
  const [asked] = hooks.held;
  assert.ok(asked !== undefined);
  hooks.isHolding = false;
  for (let copies = 0; copies < 2; copies += 1) hooks.send(asked);
  await page.getByRole("link", { name: "Add a line to the readme" }).click();
  await page.getByText("Counting slowly").first().waitFor();
  await bot.kill();
  await bot.start();
  await page.getByText("The agent was interrupted, and goes on").waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("button", { name: "Try again" }).waitFor();
  await page.getByRole("link", { name: "Totals are off by a cent" }).click();
  await page.getByText("+  return Math.round(sum * 119) / 100;").waitFor();
  await assertAccessibleInThemes(page, "a job");
  await assertProductDocumented(page, "pull-request-bot");

  // The same webhook, long after its job has ended, is no new one.
  hooks.send(asked);
  await hooks.settled();
  assert.equal(await page.getByRole("listitem").filter({ hasText: "corner/shop" }).count(), 2);
  const words = (number: number) =>
    shop.comments.filter(
      (comment) => comment.number === number && comment.author.login === "pull-request-bot",
    );
  assert.deepEqual(
    words(rounding.number).map((comment) => comment.body.split("\n")[0]),
    ["I am working on this.", `I opened #${pulls[0]?.number}. Please review it.`],
  );
  assert.match(words(slow.number).at(-1)?.body ?? "", /^A person has stopped me\./);
});
