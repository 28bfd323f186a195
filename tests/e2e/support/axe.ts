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

/** WCAG 2.2 A and AA, and axe's best practices. The debugger injects axe: the page's policy would not. */
export async function assertAccessible(page: Page, screen: string): Promise<void> {
  await page.evaluate(source);
  const violations = await page.evaluate<readonly Violation[]>(
    `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"] })
      .then((result) => result.violations)`,
  );
  const words = violations.map(({ id, help, nodes }) => {
    const where = nodes.map((node) => `    ${node.target.join(" ")}: ${node.failureSummary ?? ""}`);
    return `  ${id}: ${help}\n${where.join("\n")}`;
  });
  assert.equal(words.length, 0, `${screen} has accessibility faults:\n${words.join("\n")}`);
}
