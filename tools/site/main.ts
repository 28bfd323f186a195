/**
 * `npm run docs:site`: builds the site of the documentation into `.cache/site`, offline. A link that leads nowhere
 * fails the build. The pages are prepared in `.cache/site-pages`, with the links of the site.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "vitepress";
import { buildApiPages } from "./api/build.ts";
import { type Page, readPages, sectionsOf } from "./contents.ts";
import { type LinkRules, rewriteLinks } from "./links.ts";
import { llmsFull, llmsIndex, skill } from "./llms.ts";
import { pagesFolder, root, siteFolder } from "./places.ts";

const pages = readPages();
const apiPages = await buildApiPages();

function linkRules(): LinkRules {
  const paths = new Map(pages.map((page) => [page.file, page.path]));
  paths.set("README.md", "index.md");
  paths.set("docs", "overview.md");
  paths.set("examples", "examples.md");
  const { homepage } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { homepage?: string };
  return {
    exists: (file) => existsSync(join(root, file)),
    placeOf: (file) => (file.startsWith("docs/assets/") ? file.slice("docs/".length) : paths.get(file)),
    ...(homepage === undefined ? {} : { repository: homepage }),
  };
}

const rules = linkRules();
const textOf = (page: Page) => rewriteLinks(page.text, page.file, page.path, rules);

function write(folder: string, path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

function preparePages(): void {
  rmSync(pagesFolder, { recursive: true, force: true });
  for (const page of pages) write(pagesFolder, page.path, textOf(page));
  for (const { path, siteText } of apiPages) write(pagesFolder, path, siteText);
  cpSync(join(root, "docs/assets"), join(pagesFolder, "assets"), { recursive: true });
  cpSync(join(root, "packages/web-parts/public/icon.svg"), join(pagesFolder, "public/icon.svg"));
}

function writeForModels(): void {
  const sections = sectionsOf(pages);
  for (const page of pages) if (page.path !== "index.md") write(siteFolder, page.path, textOf(page));
  for (const { path, text } of apiPages) write(siteFolder, path, text);
  const api = { title: "API", groups: [{ pages: apiPages }] };
  write(siteFolder, "llms.txt", llmsIndex([...sections, api]));
  write(siteFolder, "llms-full.txt", llmsFull(sections, textOf));
  // Agents look for either spelling.
  for (const name of ["SKILL.md", "skill.md"]) write(siteFolder, name, skill());
}

preparePages();
await build(import.meta.dirname);
writeForModels();
console.log(`site: ${pages.length + apiPages.length} pages in ${siteFolder}`);
