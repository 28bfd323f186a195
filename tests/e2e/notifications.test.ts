import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import { type PushService, startPushService } from "@holdfast/testing/push-service";
import type { Browser, Page } from "playwright-core";
import { assertAccessible, assertAccessibleInThemes } from "./support/axe.ts";
import { missing, openPage, SharedPage } from "./support/browser.ts";
import {
  assertFits,
  assertNoTrouble,
  keepScreenshot,
  openSignedIn,
  signIn,
  startTask,
  waitForStatus,
} from "./support/pages.ts";
import { answerPush, deliverPush, grantPush, shownBy, workerOf } from "./support/push.ts";
import { StudioProcess } from "./support/studio.ts";

const absent = missing();

describe("notifications", { skip: absent ?? false }, () => {
  let studio: StudioProcess;
  let browser: Browser;
  /** Without a service worker. */
  let pages: SharedPage;
  let service: PushService;
  let hooks: Server;
  const hooked: string[] = [];

  before(async () => {
    browser = await launchChromium();
    pages = new SharedPage(browser);
    service = await startPushService();
    hooks = createServer((request, response) => {
      void text(request).then((body) => {
        hooked.push(body);
        response.writeHead(request.url === "/refused" ? 403 : 200).end("no such hook");
      });
    }).listen(0, "127.0.0.1");
    await once(hooks, "listening");
    // The doubles are on this machine, which the rules of egress refuse otherwise.
    const egress = JSON.stringify({ version: 1, networks: ["127.0.0.0/8"] });
    studio = await StudioProcess.create({ files: { "egress.json": egress } });
  });
  after(async () => {
    await browser?.close();
    await studio?.dispose();
    hooks?.close();
    await service?.close();
  });

  const openSettings = async (page: Page) => {
    await openSignedIn(page, studio, "/settings/notifications");
    await page.getByRole("heading", { name: "Notifications", level: 1 }).waitFor();
    await page.getByRole("heading", { name: "Quiet hours" }).waitFor();
  };
  const section = (page: Page, name: string) => page.getByRole("region", { name, exact: true });

  test("reach a browser that is elsewhere, and an approval is allowed in one", async (t) => {
    const page = await openPage(browser, t);
    await grantPush(page, service);
    await openSettings(page);
    await page.getByRole("button", { name: "Turn on in this browser" }).click();
    await page.getByText("This browser shows notifications").waitFor();
    await section(page, "Browsers")
      .getByRole("button", { name: /Send a test/ })
      .click();
    await section(page, "Browsers").getByText("Sent.").waitFor();
    const worker = await workerOf(page);
    const [sent] = await service.waitFor(1);
    await deliverPush(page, studio.url, sent?.text ?? "");
    assert.deepEqual(await shownBy(worker), [], "whoever looks at the Studio sees it there");

    await startTask(page, { prompt: "Add a line about gannets" });
    await waitForStatus(page, "waiting");
    const asked = (await service.waitFor(2)).at(-1);
    const payload = JSON.parse(asked?.text ?? "{}") as Record<string, unknown>;
    assert.equal(payload["title"], "Asks: Add a line about gannets");
    await page.goto("about:blank");
    await deliverPush(page, studio.url, asked?.text ?? "");
    const [shown] = await shownBy(worker);
    assert.equal(shown?.title, "Asks: Add a line about gannets");
    assert.deepEqual(shown?.actions.at(-1), "deny");
    // The answer needs no login: the token is enough, once.
    await page.context().clearCookies();
    await answerPush(worker, "deny");
    assert.equal((await shownBy(worker)).at(-1)?.body, "Denied.");
    await answerPush(worker, "deny");
    assert.match((await shownBy(worker)).at(-1)?.body ?? "", /^Not answered\. .*was answered or has expired/);
    const finished = (await service.waitFor(3)).at(-1);
    assert.match(finished?.text ?? "", /Finished: Add a line about gannets/);

    service.end(finished?.endpoint ?? "");
    await openSettings(page);
    const browsers = section(page, "Browsers");
    await browsers.getByRole("button", { name: /Send a test/ }).click();
    await browsers.getByText("Notifications of this browser have ended").waitFor();
    await assertAccessible(page, "notifications that have ended");
    await keepScreenshot(page, "notifications-ended");
    await browsers.getByRole("button", { name: "Turn on in this browser" }).click();
    await browsers.getByText("This browser shows notifications").waitFor();
    await browsers.getByText("have ended").waitFor({ state: "detached" });
    assertNoTrouble(page);
  });

  test("go to a webhook and to Slack, are tested with the reason of a failure, and are chosen by kind", async (t) => {
    const page = await pages.open(t);
    await signIn(page, studio);
    await page.getByRole("link", { name: /^Inbox/ }).click();
    await page.getByRole("link", { name: "Notifications" }).click();
    const { port } = hooks.address() as AddressInfo;
    const slack = section(page, "Slack");
    await slack.getByRole("textbox").fill("http://169.254.169.254/latest");
    await slack.getByRole("button", { name: "Add" }).click();
    await slack.getByText(/no public address/).waitFor();
    await slack.getByRole("textbox").fill(`http://127.0.0.1:${port}/slack/secret`);
    await slack.getByRole("button", { name: "Add" }).click();
    await slack.getByRole("button", { name: /Send a test/ }).click();
    await slack.getByText("Sent.").waitFor();
    assert.equal(
      JSON.parse(hooked.at(-1) ?? "{}").text,
      "This is a test. Notifications from Holdfast arrive here.",
    );
    assert.doesNotMatch(await page.locator("main").innerText(), /secret/);
    const webhook = section(page, "Webhook");
    await webhook.getByRole("textbox").fill(`http://127.0.0.1:${port}/refused`);
    await webhook.getByRole("textbox").press("Enter");
    await webhook.getByText("The secret that signs it").waitFor();
    await webhook.getByRole("button", { name: /Send a test/ }).click();
    await webhook.getByText(/Not sent\. .* status 403: no such hook/).waitFor();

    // Nothing of a finished task but to the webhook, which refuses it.
    for (const channel of ["Browser", "Slack"])
      await page.getByRole("checkbox", { name: `A task finished: ${channel}` }).uncheck();
    const before = hooked.length;
    await startTask(page, { prompt: "Add a line about puffins without asking" });
    await waitForStatus(page, "idle");
    await openSettings(page);
    const failures = section(page, "Not delivered");
    await failures.getByText("A task finished: Add a line about puffins without asking").waitFor();
    await failures.getByText(/status 403: no such hook/).waitFor();
    assert.equal(hooked.length, before + 1);
    await assertAccessible(page, "notifications-failed");
    await keepScreenshot(page, "notifications-failed");
    await failures.getByRole("button", { name: /^Dismiss/ }).click();
    await failures.waitFor({ state: "detached" });
    await webhook.getByRole("button", { name: /^Remove/ }).click();
    await webhook.getByText("Another address").waitFor({ state: "detached" });
    assertNoTrouble(page);
  });

  test("pause, and are quiet at night in the person's time zone", async (t) => {
    const page = await pages.open(t);
    await openSettings(page);
    await page.getByRole("button", { name: "Until I resume" }).click();
    await page.getByText("Paused until you resume").waitFor();
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByText("Notifications are on.").waitFor();
    await page.getByLabel("Hold notifications at night").check();
    const quiet = section(page, "Quiet hours");
    await quiet.getByLabel("From").fill("21:30");
    await quiet.getByLabel("Time zone").selectOption("Asia/Tokyo");
    await quiet.getByLabel("An approval waits").check();
    await quiet.getByRole("button", { name: "Save quiet hours" }).click();
    await quiet.locator("button:disabled", { hasText: "Save quiet hours" }).waitFor();
    const { choices } = JSON.parse(await studio.holdfast("notifications", "--json")) as {
      choices: { quietHours: unknown };
    };
    assert.deepEqual(choices.quietHours, {
      ...{ from: "21:30", to: "07:00", timeZone: "Asia/Tokyo", breaksThrough: ["asks"] },
    });
    await page.getByRole("button", { name: "Take the defaults" }).click();
    await quiet.getByLabel("From").waitFor({ state: "detached" });
    assertNoTrouble(page);
  });

  test("have a page of their own while the server is away, and nothing else is stored", async (t) => {
    const page = await openPage(browser, t);
    await grantPush(page, service);
    await openSettings(page);
    await page.getByRole("button", { name: "Turn on in this browser" }).click();
    await page.getByText("This browser shows notifications").waitFor();
    const stored = await page.evaluate<readonly string[]>(
      `(async () => {
        const found = [];
        for (const name of await caches.keys())
          for (const { url } of await (await caches.open(name)).keys()) found.push(new URL(url).pathname);
        return found.sort();
      })()`,
    );
    assert.deepEqual(stored, ["/icon.svg", "/offline.css", "/offline.html"]);
    await studio.kill();
    await page.goto(`${studio.url}/inbox`);
    await page.getByRole("heading", { name: "The Studio cannot be reached" }).waitFor();
    await assertAccessible(page, "offline");
    await keepScreenshot(page, "offline");
    await studio.start();
    await page.getByRole("link", { name: "Try again" }).click();
    await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
  });

  test("are of an app that can be installed", async () => {
    const manifest = (await (await fetch(`${studio.url}/manifest.webmanifest`)).json()) as {
      readonly icons: readonly { readonly src: string; readonly type: string }[];
    };
    for (const { src, type } of [...manifest.icons, { src: "/badge-96.png", type: "image/png" }]) {
      const response = await fetch(`${studio.url}${src}`);
      assert.deepEqual([response.status, response.headers.get("content-type")], [200, type], src);
    }
    const worker = await fetch(`${studio.url}/service-worker.js`);
    assert.equal(worker.headers.get("cache-control"), "no-cache");
    assert.match(worker.headers.get("content-security-policy") ?? "", /default-src 'none'/);
  });

  test("are set on a page that is accessible and fits, wide and narrow", async (t) => {
    const page = await pages.open(t);
    await openSettings(page);
    await page.getByLabel("Hold notifications at night").check();
    await page.getByLabel("Time zone").waitFor();
    for (const width of [1280, 320]) {
      await page.setViewportSize({ width, height: 900 });
      await assertFits(page, "notifications");
      await assertAccessibleInThemes(page, `notifications, ${width}`);
      await keepScreenshot(page, `notifications-${width}`);
    }
    await page.getByLabel("Hold notifications at night").uncheck();
    await page.getByLabel("Time zone").waitFor({ state: "detached" });
    assertNoTrouble(page);
  });
});
