import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Browser, BrowserContext, Page } from "playwright-core";

/** A page that records its errors. */
export interface WatchedPage {
  readonly page: Page;
  readonly errors: string[];
}

export async function watchedPage(context: BrowserContext | Browser): Promise<WatchedPage> {
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  return { page, errors };
}

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Violation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary?: string }[];
}

const standards = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** WCAG 2.2 A and AA, and axe's best practices; or some rules only. */
export async function assertAccessible(page: Page, what: string, rules?: readonly string[]): Promise<void> {
  if (rules === undefined) await page.evaluate(axe);
  const runOnly = rules === undefined ? standards : { type: "rule", values: rules };
  const violations = await page.evaluate<readonly Violation[]>(
    `axe.run(document, ${JSON.stringify({ runOnly })}).then((result) => result.violations)`,
  );
  const words = violations.map(({ id, help, nodes }) => {
    const where = nodes.map((node) => `    ${node.target.join(" ")}: ${node.failureSummary ?? ""}`);
    return `  ${id}: ${help}\n${where.join("\n")}`;
  });
  assert.equal(words.length, 0, `${what} has accessibility faults:\n${words.join("\n")}`);
}

/**
 * Waits until an expression is true in the page. The debugger compiles it once, because the page's policy forbids
 * compiling it for each check.
 */
export async function until(page: Page, expression: string): Promise<void> {
  const failure = JSON.stringify(`never true: ${expression}`);
  await page.evaluate(`new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(${failure})), 60000);
    const look = () => {
      if (!(${expression})) return void requestAnimationFrame(look);
      clearTimeout(limit);
      resolve();
    };
    look();
  })`);
}

/** Waits until an element has a text. */
export async function shows(page: Page, selector: string, text: string): Promise<void> {
  const at = JSON.stringify(selector);
  await until(page, `document.querySelector(${at})?.textContent === ${JSON.stringify(text)}`);
}

/** Waits until an element's text contains another. */
export async function includes(page: Page, selector: string, text: string): Promise<void> {
  const at = JSON.stringify(selector);
  await until(page, `document.querySelector(${at})?.textContent.includes(${JSON.stringify(text)})`);
}
