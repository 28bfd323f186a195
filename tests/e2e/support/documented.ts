/**
 * Pictures of the documentation: `docs/assets/NAME.png`, and those of the products beside their pages. The labels that each
 * shows are in `docs/assets/pictures.json`.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";

const assets = fileURLToPath(new URL("../../../docs/assets/", import.meta.url));
const list = `${assets}pictures.json`;
const products = fileURLToPath(new URL("../../../examples/products/", import.meta.url));

type Labels = Readonly<Record<string, readonly string[]>>;

/**
 * Checks that the picture shows this screen as it is now: its headings below the first, tabs, columns and places to go,
 * without numbers. HOLDFAST_TEST_PICTURES=docs takes the picture anew, in light colours.
 */
export function assertDocumented(page: Page, name: string): Promise<void> {
  return assertPicture(page, name, `docs/assets/${name}.png`, `${assets}${name}.png`);
}

/** The same for `examples/products/NAME/screenshot.png`. */
export function assertProductDocumented(page: Page, name: string): Promise<void> {
  const path = `${name}/screenshot.png`;
  return assertPicture(page, `products/${name}`, `examples/products/${path}`, `${products}${path}`);
}

async function assertPicture(page: Page, name: string, shownAs: string, path: string): Promise<void> {
  const before = page.viewportSize();
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.emulateMedia({ colorScheme: "light" });
  const shown = await labelsOf(page);
  const known = JSON.parse(readFileSync(list, "utf8")) as Labels;
  if (process.env["HOLDFAST_TEST_PICTURES"] === "docs") {
    await page.screenshot({ path });
    const all = Object.entries({ ...known, [name]: shown }).sort(([a], [b]) => a.localeCompare(b));
    writeFileSync(list, `${JSON.stringify(Object.fromEntries(all), undefined, 2)}\n`);
  } else {
    const cure = "Take it anew: HOLDFAST_TEST_PICTURES=docs npm test -- and the file of this test.";
    assert.deepEqual(shown, known[name], `${shownAs} shows another version. ${cure}`);
  }
  if (before !== null) await page.setViewportSize(before);
}

/** As text, because these files are checked without the types of a browser. */
async function labelsOf(page: Page): Promise<readonly string[]> {
  const labels = await page.evaluate<readonly string[]>(`
    [...document.querySelectorAll("h2, h3, th, nav a, [role=tab]")]
      .filter((element) => element.checkVisibility())
      .map((element) => {
        // Counts and states that stand beside a label are elements in it.
        const own = [...element.childNodes].filter(({ nodeType }) => nodeType === 3);
        return own.map(({ data }) => data).join("").trim() || element.innerText;
      })`);
  const words = labels.map((label) =>
    label
      .replace(/\d[\d,.:]*/g, "")
      .replace(/\s+/g, " ")
      .trim(),
  );
  return [...new Set(words.filter((label) => label !== ""))].sort();
}
