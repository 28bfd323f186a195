/** Every screen of a Studio in use, in three widths and both themes; its pictures are `artifacts/gallery-SCREEN-WIDTH-THEME.png`. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { launchChromium } from "@holdfast/testing/chromium";
import { startGitea } from "@holdfast/testing/gitea";
import type { Browser, Page } from "playwright-core";
import { assertAccessible, assertReadable } from "../e2e/support/axe.ts";
import { missing, openPage } from "../e2e/support/browser.ts";
import {
  assertFits,
  assertNoTrouble,
  keepScreenshot,
  keepsPictures,
  signIn,
  startTask,
  waitForStatus,
} from "../e2e/support/pages.ts";
import { StudioProcess } from "../e2e/support/studio.ts";

const absent = missing();
type Theme = "dark" | "light";
const themes: readonly Theme[] = ["dark", "light"];

interface Width {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Themes in which the rules are checked: in the last one all, in the others those on colours. */
  readonly checked: readonly Theme[];
}

const widths: readonly Width[] = [
  { name: "phone", width: 390, height: 844, checked: ["dark"] },
  { name: "tablet", width: 1024, height: 768, checked: [] },
  { name: "desktop", width: 1600, height: 1000, checked: ["dark", "light"] },
];

interface Screen {
  readonly name: string;
  /** The route as the router of the app has it. */
  readonly route: string;
  /** The address; that of the route when it is left out. */
  readonly path?: string;
  /** What is there once the screen shows its contents, and not on the one before. */
  readonly content: string;
}

/** The routes of the app, in the order of its router. */
function routesOfApp(): string[] {
  const router = fileURLToPath(new URL("../../packages/studio/src/web/app/router.tsx", import.meta.url));
  return [...readFileSync(router, "utf8").matchAll(/^ +path: "([^"]+)"/gm)].map(([, path = ""]) => path);
}

/** One that only leads elsewhere; one that needs an account, one a program, and one plans that are sold: other tests keep their pictures. */
const withoutPicture = ["/actors", "/account", "/settings/billing", "/tasks/$taskId/preview/$port"];

/** A rule as "Always allow" makes it. */
const accepted = {
  ...{ id: "allow-mail_send-0123456789ab", subjects: { group: "default" }, tools: ["mail_send"] },
  when: [
    { pointer: "/to", equals: "grace@harbor.example" },
    { pointer: "/cc", absent: true },
  ],
  ...{ tainted: false, action: "allow" },
};

describe("the gallery", { skip: absent ?? false }, () => {
  let studio: StudioProcess;
  let browser: Browser;
  let forge: Awaited<ReturnType<typeof startGitea>>;
  let screens: readonly Screen[];
  /** Of a browser that is signed in. */
  let page: Page;

  before(async () => {
    browser = await launchChromium();
    const files = { "policy.json": JSON.stringify({ version: 1, rules: [accepted] }) };
    [studio, forge] = await Promise.all([StudioProcess.create({ args: ["--people"], files }), startGitea()]);
    // It ends with its browser.
    page = await openPage(browser, { after: () => {} });
    screens = await fill();
  });
  after(async () => {
    await browser?.close();
    await studio?.dispose();
    await forge?.close();
  });

  /** Uses the Studio until each screen has something to show. */
  async function fill(): Promise<Screen[]> {
    await signIn(page, studio);
    await startTask(page, { prompt: "Add a line about pelicans without asking" });
    await waitForStatus(page, "idle");
    const finished = new URL(page.url()).pathname;
    await startTask(page, { prompt: "Add a line about herons" });
    await waitForStatus(page, "waiting");
    const waiting = new URL(page.url()).pathname;
    const repository = await connect();
    await page.getByRole("link", { name: "Actors" }).click();
    const actor = await page.locator('a[href^="/inspector/task/"]').first().getAttribute("href");
    return [
      { name: "tasks", route: "/", content: ".task-list a" },
      { name: "task-waiting", route: "/tasks/$taskId", path: waiting, content: "[data-approval]" },
      {
        name: "task-changes",
        route: "/tasks/$taskId",
        path: `${finished}?view=changes`,
        content: "[data-file]",
      },
      { name: "inbox", route: "/inbox", content: "[data-entry]" },
      {
        name: "environment",
        route: "/environment",
        path: `/environment?${new URLSearchParams({ repository: join(studio.directory, "data", "sample") })}`,
        content: 'h1:text-is("Environment")',
      },
      { name: "system", route: "/system", content: '[data-agent="demo"]' },
      { name: "schedules", route: "/schedules", content: 'h1:text-is("Schedules")' },
      { name: "repositories", route: "/repositories", content: `a[href="${repository}"]` },
      {
        name: "repository",
        route: "/repositories/$repositoryId",
        path: repository,
        content: 'h1:text-is("team/app")',
      },
      { name: "actors", route: "/inspector", content: 'a[href^="/inspector/"]' },
      {
        name: "actor",
        route: "/inspector/$name/$actorId",
        path: actor ?? "",
        content: 'h1:not(:text-is("Actors"))',
      },
      { name: "notifications", route: "/settings/notifications", content: ".kinds" },
      { name: "design", route: "/design", content: ".design-columns" },
      { name: "people", route: "/people", content: 'h1:text-is("People")' },
      { name: "usage", route: "/usage", content: ".usage-bars" },
      { name: "budgets", route: "/usage", path: "/usage?tab=budgets", content: '[aria-label="New budget"]' },
      { name: "prices", route: "/usage", path: "/usage?tab=prices", content: "[data-price]" },
      { name: "connections", route: "/settings", content: "[data-connection]" },
      { name: "organization", route: "/settings/organization", content: "[data-organization]" },
      { name: "secrets", route: "/settings/secrets", content: '[aria-label="New secret"]' },
      { name: "policy", route: "/settings/policy", content: ".policy-text" },
      { name: "sign-in", route: "/settings/sign-in", content: "[data-provider]" },
      { name: "accepted-rules", route: "/settings/policy/accepted", content: "[data-rule]" },
      { name: "audit", route: "/settings/audit", content: "[data-record]" },
    ];
  }

  /** Connects a repository with an open pull request; returns the address of its screen. */
  async function connect(): Promise<string> {
    const hosted = await forge.addRepository("team/app");
    await hosted.bare.commit("add-search", { "search.txt": "search\n" }, "Add the search");
    const author = forge.user("ada");
    await hosted.createPullRequest({ title: "Add the search", head: "add-search", base: "main", author });
    await page.getByRole("link", { name: "Repositories" }).click();
    await page.getByLabel("Address").fill(`${forge.url}/team/app`);
    await page.getByLabel("Gitea").check();
    await page.getByLabel("Token").fill(forge.addToken("ada"));
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await page.getByRole("heading", { name: "team/app" }).waitFor();
    await page.getByText("Up to date").waitFor();
    return new URL(page.url()).pathname;
  }

  test("has every screen of the app", () => {
    const shown = new Set([...screens.map(({ route }) => route), ...withoutPicture]);
    assert.deepEqual(
      routesOfApp().filter((route) => !shown.has(route)),
      [],
    );
  });

  test("is accessible and fits each width, in both themes", async () => {
    for (const { name, route, path = route, content } of screens) {
      // As a link does, without a load of the app. A screen follows the width of its window, and the theme of the system.
      await page.evaluate(`history.pushState(null, "", ${JSON.stringify(path)})`);
      for (const { name: width, checked, ...size } of widths) {
        await page.setViewportSize(size);
        await page.locator(content).first().waitFor();
        // What is still being read is drawn as grey bars, of which the design page has some for ever.
        await page.locator(".loading:not(.design-page *)").first().waitFor({ state: "detached" });
        const label = `gallery-${name}-${width}`;
        await assertFits(page, label);
        for (const colorScheme of keepsPictures ? themes : checked) {
          await page.emulateMedia({ colorScheme });
          await keepScreenshot(page, `${label}-${colorScheme}`);
          // The elements are the same in both themes.
          if (colorScheme === checked.at(-1)) await assertAccessible(page, label);
          else if (checked.includes(colorScheme)) await assertReadable(page, label);
        }
      }
    }
    assertNoTrouble(page);
  });
});
