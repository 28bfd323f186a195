import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { silentLogger, systemPorts } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import type { Browser, Page } from "playwright-core";
import type { DiffFile } from "../../../packages/studio/src/contract.ts";
import { openPage, type PageOptions } from "./browser.ts";
import { webGateway } from "./inspector-server.ts";
import { type ScriptedDiff, scriptedTask, scriptedTaskId } from "./scripted-task.ts";

export function changedFile(path: string, patch: string, contentId: string): DiffFile {
  const count = (sign: string) => patch.split("\n").filter((line) => line.startsWith(sign)).length;
  return {
    ...{ path, status: "modified", additions: count("+"), deletions: count("-"), binary: false },
    ...{ contentId, patch, runsOnYourMachine: false },
  };
}

/** The web app over a scripted task with this diff. */
export async function serveReview(browser: Browser, t: TestContext, diff: ScriptedDiff) {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-review-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const ports = systemPorts(silentLogger);
  const registry = createRegistry({
    use: scriptedTask({ status: "idle", diff }),
    ports,
    store: () => openSqliteStore({ path: directory, ports }),
    gateway: webGateway(directory),
  });
  t.after(() => registry.shutdown());
  const task = registry.client.task.getOrCreate([scriptedTaskId]);
  await task.get();
  await registry.client.session.getOrCreate(["018f0000-0000-7000-8000-000000000002"]).events({ after: 0 });
  await registry.client.organization.getOrCreate(["local"]).listTasks();
  const { url } = await registry.listen({ port: 0 });
  const open = async (options: PageOptions = {}): Promise<Page> => {
    const page = await openPage(browser, t, { width: 1600, height: 1000, ...options });
    await page.goto(`${url}/tasks/${scriptedTaskId}`);
    if ((options.width ?? 1600) < 1200) await page.getByRole("tab", { name: "Changes", exact: true }).click();
    await page.locator(".review-bar").waitFor();
    return page;
  };
  return { open, task };
}

/** A page with the review of a diff. */
export async function openReview(
  browser: Browser,
  t: TestContext,
  diff: ScriptedDiff,
  options: PageOptions = {},
) {
  const { open, task } = await serveReview(browser, t, diff);
  return { page: await open(options), task };
}

/** The section of a file. */
export function section(page: Page, path: string) {
  return page.getByRole("group", { name: path, exact: true });
}
