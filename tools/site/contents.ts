/**
 * The contents of the site: its pages, and their order. The order is that of `docs/README.md`, which lists every page
 * of `docs`; titles are the pages' first headings.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { root } from "./places.ts";

export interface Page {
  /** In the repository. */
  readonly file: string;
  /** On the site, ending with `.md`. */
  readonly path: string;
  readonly title: string;
  /** The first sentence of its text, as plain text. */
  readonly summary: string;
  readonly text: string;
}

export interface PageGroup {
  /** Undefined for the pages of a section that has no groups. */
  readonly title?: string;
  readonly pages: readonly Page[];
}

export interface Section {
  readonly title: string;
  readonly groups: readonly PageGroup[];
}

const index = "docs/README.md";

/** Pages that are not below `docs`, and the index. */
const placed: Readonly<Record<string, string>> = {
  "tools/site/landing.md": "index.md",
  [index]: "overview.md",
  "examples/README.md": "examples.md",
  "CHANGELOG.md": "changelog.md",
  "CONTRIBUTING.md": "contributing.md",
};

/** What the site calls the pages that `docs/README.md` does not list. */
const project = { title: "Project", files: ["examples/README.md", "CHANGELOG.md", "CONTRIBUTING.md"] };

/** Every page of the site. */
export function readPages(): readonly Page[] {
  const documents = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => posix.join("docs", name.replaceAll("\\", "/")));
  return [...new Set([...Object.keys(placed), ...documents])].sort().map(readPage);
}

function readPage(file: string): Page {
  const text = readFileSync(join(root, file), "utf8");
  const path = placed[file] ?? posix.relative("docs", file);
  return { file, path, text, title: titleOf(text), summary: summaryOf(text) };
}

function titleOf(text: string): string {
  return plain(/^# (.*)$/m.exec(text)?.[1] ?? "Holdfast");
}

function summaryOf(text: string): string {
  const [, after = ""] = text.split(/^# .*$/m);
  const paragraph = after.split(/\n{2,}/).find((part) => /^[\p{L}`*[]/u.test(part.trim()));
  const [sentence = ""] = /^.*?[.:](?=\s|$)/.exec(plain(paragraph ?? "")) ?? [];
  return sentence.replace(/:$/, ".");
}

/** Markdown of one paragraph without its marks. */
function plain(text: string): string {
  return text
    .replace(/\[((?:[^\][]|\[[^\][]*\])*)\]\([^)]*\)/g, "$1")
    .replace(/[`*]/g, "")
    .replace(/\s+/g, " ")
    .trim();
}

/** The sections of the site, without its landing page. A page is where the index names it first. */
export function sectionsOf(pages: readonly Page[]): readonly Section[] {
  const byFile = new Map(pages.map((page) => [page.file, page]));
  const listed = new Set<Page>();
  const take = (text: string): Page[] =>
    Array.from(text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g), ([, link = ""]) => posix.join("docs", link))
      .map((file) => byFile.get(file))
      .filter((page) => page !== undefined)
      .filter((page) => !listed.has(page) && listed.add(page));
  const [, ...parts] = (byFile.get(index)?.text ?? "").split(/^## /m);
  const sections = parts.map((part) => {
    const [title = ""] = part.split("\n", 1);
    const rows = Array.from(part.matchAll(/^\| ([^|\]]+) \| (.*\]\(.*) \|$/gm));
    const groups = rows.map(([, group = "", cells = ""]) => ({ title: group.trim(), pages: take(cells) }));
    const rest = take(part);
    return { title: title.trim(), groups: rest.length === 0 ? groups : [{ pages: rest }, ...groups] };
  });
  const others = project.files.map((file) => byFile.get(file)).filter((page) => page !== undefined);
  return [...sections, { title: project.title, groups: [{ pages: others }] }];
}
