/** The environment of a repository in the browser and on the command line: output, failure, and another attempt. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser } from "playwright-core";
import { assertAccessible } from "./support/axe.ts";
import { missing, openPage, troubleOf } from "./support/browser.ts";
import { keepScreenshot, signIn } from "./support/pages.ts";
import { StudioProcess } from "./support/studio.ts";

const absent = missing();

describe("the environment of a repository", { skip: absent ?? false }, () => {
  let studio: StudioProcess;
  let browser: Browser;

  before(async () => {
    browser = await launchChromium();
    studio = await StudioProcess.create();
  });
  after(async () => {
    await browser?.close();
    await studio?.dispose();
  });

  function commit(repository: string, setup: string): void {
    mkdirSync(join(repository, ".holdfast"), { recursive: true });
    writeFileSync(join(repository, ".holdfast", "environment.yaml"), setup);
    const git = (...args: string[]) =>
      execFileSync("git", ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", ...args], {
        cwd: repository,
      });
    if (!existsSync(join(repository, ".git"))) git("init", "-q", "-b", "main");
    git("add", "-A");
    git("commit", "-q", "-m", "change");
  }

  test("is prepared beside a new task; a failure names the step, and the next commit is tried", async (t) => {
    const repository = join(studio.directory, "repository");
    mkdirSync(repository);
    commit(repository, 'setup: [{name: install, run: "echo the reason; exit 3"}]\n');
    const page = await openPage(browser, t);
    await signIn(page, studio);
    await page.getByLabel("Repository").fill(repository);
    await page.getByText("Not prepared yet").waitFor();
    await page.getByRole("link", { name: "Environment" }).click();
    await page.getByRole("heading", { name: "Environment" }).waitFor();
    await page.getByRole("button", { name: "Prepare now" }).click();
    await page.getByRole("alert").getByText("exit code 3").waitFor();
    await page.locator(".environment-output").getByText("the reason").waitFor();
    await assertAccessible(page, "environment that failed");
    await keepScreenshot(page, "environment-failed");

    commit(repository, 'setup: [{name: install, run: "echo all is well"}]\n');
    await page.reload();
    await page.getByRole("button", { name: "Prepare now" }).click();
    await page.locator('.environment-state [data-status="idle"]').waitFor();
    await page.getByText("install", { exact: true }).click();
    await page.locator(".environment-output").getByText("all is well").waitFor();
    await assertAccessible(page, "prepared environment");
    await keepScreenshot(page, "environment-prepared");

    assert.match(await studio.holdfast("environments", "show", "--repo", repository), /: prepared/);
    const again = await studio.holdfast("environments", "prepare", "--again", "--repo", repository);
    assert.match(again, /== install\nall is well\n[\s\S]*The environment is prepared\./);
    assert.deepEqual(troubleOf(page), []);
  });
});
