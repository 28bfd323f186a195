/** The stores behind a demo team: its forge, and what the command line reads of the Studio. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { formatCount } from "@holdfast/web-parts/format";
import type { Page } from "playwright-core";
import type { StudioProcess } from "./studio.ts";

const run = promisify(execFile);

interface ForgeState {
  readonly port: number;
  readonly outbox: readonly unknown[];
  readonly github: {
    readonly accounts: { readonly personalTokens: Readonly<Record<string, string>> };
    readonly repositories: readonly {
      readonly fullName: string;
      readonly pullRequests: readonly {
        readonly number: number;
        readonly state: string;
        readonly headCommit: string;
        readonly base: string;
      }[];
      readonly comments: readonly { readonly number: number }[];
      readonly checks: readonly { readonly commit: string; readonly conclusion: string | null }[];
    }[];
  };
}

/** The demo team's forge as its files have it. */
export async function forgeOf(studio: StudioProcess) {
  const directory = join(studio.directory, "data", "github");
  const state = JSON.parse(await readFile(join(directory, "state.json"), "utf8")) as ForgeState;
  const git = async (repository: string, ...args: readonly string[]) => {
    const { stdout } = await run("git", ["--git-dir", join(directory, "git", `${repository}.git`), ...args]);
    return stdout.trimEnd();
  };
  return {
    ...{ url: `http://127.0.0.1:${state.port}`, repositories: state.github.repositories },
    outbox: state.outbox,
    git,
    file: (repository: string, branch: string, path: string) => git(repository, "show", `${branch}:${path}`),
    tokenOf(login: string): string {
      const [token = ""] =
        Object.entries(state.github.accounts.personalTokens).find(([, of]) => of === login) ?? [];
      return token;
    },
  };
}

async function lines<Row>(studio: StudioProcess, ...args: readonly string[]): Promise<readonly Row[]> {
  const text = (await studio.holdfast(...args, "--json")).trim();
  return text === "" ? [] : text.split("\n").map((line) => JSON.parse(line) as Row);
}

/** Compares what two people see in the evening with what the stores have. */
export async function assertSameFigures(
  studio: StudioProcess,
  { ada, grace }: { readonly ada: Page; readonly grace: Page },
): Promise<void> {
  const forge = await forgeOf(studio);
  assert.equal(forge.outbox.length, 0, "webhooks that were not taken");
  await assertTask(studio, ada);
  await assertRepositories(studio, ada);
  await assertPeople(studio, ada);
  for (const page of [ada, grace]) await assertInbox(page);
}

/** The page of the task is open: its changes, its pull request, its events. */
async function assertTask(studio: StudioProcess, page: Page): Promise<void> {
  const forge = await forgeOf(studio);
  const tides = forge.repositories.find(({ fullName }) => fullName === "harbor/tides");
  const pull = tides?.pullRequests.find(({ number }) => number === 3);
  assert.ok(tides !== undefined && pull !== undefined);
  const merged = await forge.git("harbor/tides", "rev-parse", "main");
  const numstat = await forge.git("harbor/tides", "diff", "--numstat", `${merged}^1`, merged);
  const rows = numstat.split("\n").map((line) => line.split("\t"));
  const sum = (column: number) => rows.reduce((total, row) => total + Number(row[column]), 0);
  const totals = await page.locator(".changes-totals").innerText();
  assert.equal(
    totals.replaceAll(/\s+/g, " "),
    `${rows.length} files +${sum(0)} lines added, −${sum(1)} lines removed`,
    "the totals of the changes",
  );
  const checks = tides.checks.filter(({ commit }) => commit === pull.headCommit);
  const panel = page.getByRole("region", { name: "Pull request" });
  await panel.getByText(`All checks passed (${checks.length})`).waitFor();
  const comments = tides.comments.filter(({ number }) => number === 3).length;
  await panel.getByText(`${comments} comment`, { exact: true }).waitFor();

  const [id = ""] = new URL(page.url()).pathname.split("/").slice(-1);
  const shown = await lines<{ readonly seq?: number }>(studio, "tasks", "show", id);
  const last = Math.max(...shown.map(({ seq = 0 }) => seq));
  // No event is missing in the middle.
  assert.deepEqual(
    shown.flatMap(({ seq }) => seq ?? []),
    Array.from({ length: last }, (_, index) => index + 1),
  );
  // The page reads the log again after a restart, at a time of its own.
  await page
    .getByTestId("head")
    .and(page.getByText(formatCount(last), { exact: true }))
    .waitFor();

  await page.getByRole("link", { name: "Tasks", exact: true }).click();
  const active = await lines<{ readonly archivedAt?: number }>(studio, "tasks", "list");
  await page.getByText("No tasks yet").waitFor();
  assert.equal(
    active.filter(({ archivedAt }) => archivedAt === undefined).length,
    0,
    "tasks that are not archived",
  );
}

async function assertRepositories(studio: StudioProcess, page: Page): Promise<void> {
  const forge = await forgeOf(studio);
  await page.getByRole("link", { name: "Repositories" }).click();
  for (const { fullName, pullRequests } of forge.repositories) {
    const branches = (await forge.git(fullName, "for-each-ref", "--format=%(refname)", "refs/heads")).split(
      "\n",
    );
    const open = pullRequests.filter(({ state }) => state === "open").length;
    const text = `${branches.length} branches, ${open} open pull ${open === 1 ? "request" : "requests"}`;
    await page.locator(".repository-row", { hasText: fullName }).getByText(text).waitFor();
  }
  const listed = await lines<{ readonly name: string }>(studio, "repositories", "list");
  assert.equal(await page.locator(".repository-row").count(), listed.length, "rows of repositories");
}

async function assertPeople(studio: StudioProcess, page: Page): Promise<void> {
  await page.getByRole("link", { name: "People" }).click();
  const listed = await lines<{ readonly type: string; readonly email: string }>(studio, "people", "list");
  const members = listed.filter(({ type }) => type === "member");
  for (const { email } of members) await page.locator(`[data-member="${email}"]`).waitFor();
  assert.equal(await page.locator("[data-member]").count(), members.length, "rows of members");
  assert.deepEqual([members.length, listed.length], [2, 3]);
}

/** A month later, the invoice charges a seat for each member that is not included, and the minutes of sandboxes. */
export async function assertInvoice(studio: StudioProcess, page: Page): Promise<void> {
  await page.getByRole("link", { name: "Settings", exact: true }).click();
  await page.getByRole("link", { name: "Billing", exact: true }).click();
  const read = page.getByRole("button", { name: "Read now" });
  // Reports what was used.
  await read.click();
  await read.waitFor();
  const emulator = page.locator('[data-notice="demo"] a');
  const address = (await emulator.getAttribute("href")) ?? "";
  await page.goto(address);
  await page.getByRole("button", { name: "Let a month pass" }).click();
  await page.goto(`${studio.url}/settings/billing`);
  const invoices = page.locator("[data-invoice]");
  await invoices.nth(1).waitFor();
  const amount = await invoices.first().locator(".billing-amount").innerText();
  const href = await invoices.first().getByRole("link", { name: /^Open/ }).getAttribute("href");
  await page.goto(href ?? "");
  const charged = await page.locator("main li").allInnerTexts();

  const [use] = await lines<{ readonly total: { readonly sandboxMs: number } }>(studio, "usage");
  const people = await lines<{ readonly type: string }>(studio, "people", "list");
  const seats = people.filter(({ type }) => type === "member").length - 1;
  const minutes = Math.floor((use?.total.sandboxMs ?? 0) / 60_000);
  const expected = [
    `1 × price_crew: 2000`,
    `${seats} × price_seat: ${seats * 500}`,
    `${minutes} × price_minutes: ${minutes * 2}`,
  ];
  assert.deepEqual(charged.toSorted(), expected.toSorted());
  assert.equal(amount, `$${((2_000 + seats * 500 + minutes * 2) / 100).toFixed(2)}`);
}

/** The number beside the link is that of the unread rows. */
async function assertInbox(page: Page): Promise<void> {
  await page.getByRole("link", { name: /^Inbox/ }).click();
  await page.locator("[data-entry]").or(page.getByText("Nothing needs you")).first().waitFor();
  const unread = await page.locator(".inbox-row-unread").count();
  const count = page.locator(".nav-count");
  if (unread === 0) await count.waitFor({ state: "detached" });
  else await count.filter({ hasText: `${unread} unread` }).waitFor();
}
