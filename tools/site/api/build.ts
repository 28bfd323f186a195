/** The reference of the API, made from the types: one page for each part of what programs import. */
import { basename } from "node:path";
import type { Page } from "../contents.ts";
import { linkedCode, markdownCode } from "./code.ts";
import { convertModules } from "./convert.ts";
import { type ApiPage, apiPages } from "./entries.ts";
import { placesOf, renderPage, undocumented } from "./render.ts";

/** A page whose text is for those who read Markdown. */
export interface BuiltPage extends Page {
  /** What the site is built from. */
  readonly siteText: string;
}

/** Throws if an export has no comment, and names all of those. */
export async function buildApiPages(): Promise<readonly BuiltPage[]> {
  const pages = apiPages();
  const exports = await convertModules(pages.flatMap(({ modules }) => modules.map(({ file }) => file)));
  const missing = undocumented(pages, exports);
  if (missing.length > 0)
    throw new Error(`These exports have no comment that says what they are:\n${missing.join("\n")}`);
  const places = placesOf(pages, exports);
  const modules = pages.map((page) => ({
    file: page.path,
    path: page.path,
    title: page.title,
    summary: `The exports of ${page.modules.map(({ specifier }) => specifier).join(", ")}.`,
    text: renderPage(page, exports, places, markdownCode),
    siteText: renderPage(page, exports, places, linkedCode),
  }));
  return [overview(pages), ...modules];
}

function overview(pages: readonly ApiPage[]): BuiltPage {
  const rows = pages.map(({ title, path, modules }) => {
    const specifiers = modules.map(({ specifier }) => `\`${specifier}\``).join(", ");
    return `| [${title}](./${basename(path)}) | ${specifiers} |`;
  });
  const summary = "What programs import, made from the types of this version.";
  const text = `# API\n\n${summary} The [reference](../overview.md#reference) explains the parts.\n\n| page | modules |\n| --- | --- |\n${rows.join("\n")}\n`;
  return { file: "api/overview.md", path: "api/overview.md", title: "API", summary, text, siteText: text };
}
