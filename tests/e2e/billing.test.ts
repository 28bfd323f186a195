/** Plans and payment in the browser, against the emulator of Stripe. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import { StripeEmulator } from "@holdfast/testing/stripe";
import type { Browser } from "playwright-core";
import { assertAccessible, assertAccessibleInThemes } from "./support/axe.ts";
import { missing, openPage } from "./support/browser.ts";
import { assertFits, assertNoTrouble, keepScreenshot, openSignedIn, signIn } from "./support/pages.ts";
import { StudioProcess } from "./support/studio.ts";

const absent = missing();
const key = "sk_test_0123456789abcdef";
const secret = "whsec_0123456789abcdef";
const plans = [
  { name: "free", title: "Free", seats: 1, limits: { tasksAtOnce: 1, sandboxMinutes: 600, modelCents: 500 } },
  {
    ...{ name: "team", title: "Team", description: "For a team.", price: "price_team", seats: 3 },
    ...{ seatPrice: "price_seat", limits: { sandboxMinutes: 6_000 } },
  },
  { name: "flat", title: "Company", price: "price_flat", seats: 100 },
];

describe("billing", { skip: absent ?? false }, () => {
  let stripe: StripeEmulator;
  let studio: StudioProcess;
  let browser: Browser;

  before(async () => {
    browser = await launchChromium();
    stripe = await StripeEmulator.start({ key });
    stripe.addPrice("price_team", 2_000);
    stripe.addPrice("price_seat", 500);
    stripe.addPrice("price_flat", 9_900);
    const environment = {
      HOLDFAST_STRIPE_KEY: key,
      HOLDFAST_STRIPE_WEBHOOK_SECRET: secret,
      HOLDFAST_STRIPE_URL: stripe.url,
    };
    studio = await StudioProcess.create({
      environment,
      files: { "plans.json": JSON.stringify({ version: 1, plans }) },
    });
    stripe.sendWebhooksTo(`${studio.url}/billing/webhook`, secret);
  });
  after(async () => {
    await browser?.close();
    await studio?.dispose();
    await stripe?.close();
  });

  test("a plan is chosen, paid at Stripe, changed and ended; a payment that fails is on each page", async (t) => {
    const page = await openPage(browser, t);
    await signIn(page, studio);
    await page.getByRole("link", { name: "Settings", exact: true }).click();
    await page.getByRole("link", { name: "Billing", exact: true }).click();
    await page.getByRole("heading", { name: "Plan: Free" }).waitFor();
    await page.locator('[data-plan="team"]').getByText("$20.00 a month with 3 seats").waitFor();
    await page.getByRole("button", { name: "Choose Team" }).click();
    await page.getByRole("button", { name: "Pay with a card that is declined" }).click();
    await page.getByRole("alert").getByText("declined").waitFor();
    await page.getByRole("button", { name: "Pay", exact: true }).click();
    await page.getByRole("heading", { name: "Plan: Team" }).waitFor();
    await page.locator('[data-fact="State"]').getByText("Paid").waitFor();
    await page.locator("[data-invoice]").getByText("$20.00").waitFor();

    await page.getByRole("button", { name: "Manage payment" }).click();
    await page.getByRole("button", { name: "Use a card that is declined" }).click();
    stripe.advance(31 * 24 * 60 * 60 * 1000);
    await page.getByRole("link", { name: "Back" }).click();
    await page.locator('[data-banner="past-due"]').waitFor();
    await keepScreenshot(page, "billing-past-due");
    await page.goto(studio.url);
    await page.locator('[data-banner="past-due"]').getByText("A payment failed").waitFor();
    await page.getByRole("link", { name: /^Inbox/ }).click();
    await page.locator('[data-entry="payment"] a').click();
    await page.getByRole("heading", { name: "A payment failed" }).waitFor();
    await page.locator(".inbox-preview").getByText("The plan goes on until").waitFor();
    await assertAccessible(page, "inbox, payment");
    await keepScreenshot(page, "inbox-payment");
    await page.locator(".inbox-preview").getByRole("link", { name: "Open billing" }).click();
    await page.getByRole("button", { name: "Manage payment" }).click();
    await page.getByRole("button", { name: "Use a card that works" }).click();
    await page.getByRole("link", { name: "Back" }).click();
    await page.locator('[data-fact="State"]').getByText("Paid").waitFor();
    assert.match(await studio.holdfast("inbox"), /Payment {4}The plan is paid again/);

    await page.getByRole("button", { name: "Change to Company" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Change the plan" }).click();
    await page.getByRole("heading", { name: "Plan: Company" }).waitFor();
    await page.getByRole("button", { name: "End with Free" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "End it with its period" }).click();
    await page.locator('[data-notice="ending"]').waitFor();
    // It follows by itself what happens at Stripe.
    stripe.advance(31 * 24 * 60 * 60 * 1000);
    await page.getByRole("heading", { name: "Plan: Free" }).waitFor();
    assertNoTrouble(page);
    const shown = JSON.parse(await studio.holdfast("billing", "--json")) as { readonly standing: string };
    assert.equal(shown.standing, "free");
    assert.match(await studio.holdfast("billing", "plans"), /\* free: Free, free with 1 seat/);
    assert.match(await studio.holdfast("billing", "invoices"), /paid {2}\$20\.00 {2}http/);
  });

  test("is accessible and fits, also while Stripe is down", async (t) => {
    const page = await openPage(browser, t);
    await openSignedIn(page, studio, "/settings/billing");
    await page.locator('[data-plan="team"]').waitFor();
    await page.locator("[data-invoice]").first().waitFor();
    for (const state of ["up", "down"] as const) {
      if (state === "down") {
        stripe.isDown = true;
        await page.getByRole("button", { name: "Read now" }).click();
        await page.locator('[data-notice="unreachable"]').waitFor();
      }
      for (const width of [1280, 320]) {
        await page.setViewportSize({ width, height: 900 });
        const label = `billing-${state}-${width}`;
        await assertFits(page, label);
        await assertAccessibleInThemes(page, label);
        await keepScreenshot(page, label);
      }
    }
    stripe.isDown = false;
  });
});
