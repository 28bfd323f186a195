import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

const source = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Violation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary?: string }[];
}

const standards = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** None of the rules above reads style sheets, which axe otherwise parses at each run. */
const preload = { assets: ["media"] };

/** The rules whose result depends on the theme. */
const colourRules = ["color-contrast", "link-in-text-block"];

/** WCAG 2.2 A and AA, and axe's best practices. */
export async function assertAccessible(page: Page, screen: string): Promise<void> {
  await assertRules(page, screen, standards);
}

/** What a theme may break of a screen that is accessible in the other theme. */
export async function assertReadable(page: Page, screen: string): Promise<void> {
  await assertRules(page, screen, { type: "rule", values: colourRules });
}

/** As `assertAccessible`, in the light theme and in the dark one. */
export async function assertAccessibleInThemes(page: Page, screen: string): Promise<void> {
  await page.emulateMedia({ colorScheme: "dark" });
  await assertReadable(page, `${screen}, dark`);
  await page.emulateMedia({ colorScheme: "light" });
  await assertAccessible(page, `${screen}, light`);
}

async function assertRules(page: Page, screen: string, runOnly: unknown): Promise<void> {
  // The debugger injects axe: the page's policy would not.
  if (!(await page.evaluate<boolean>("'axe' in window"))) await page.evaluate(source);
  const options = JSON.stringify({ runOnly, resultTypes: ["violations"], preload });
  const violations = await page.evaluate<readonly Violation[]>(
    `axe.run(document, ${options}).then((result) => result.violations)`,
  );
  const words = violations.map(({ id, help, nodes }) => {
    const where = nodes.map((node) => `    ${node.target.join(" ")}: ${node.failureSummary ?? ""}`);
    return `  ${id}: ${help}\n${where.join("\n")}`;
  });
  assert.equal(words.length, 0, `${screen} has accessibility faults:\n${words.join("\n")}`);
}
