/** The configuration of VitePress: what the site looks like is in `.vitepress/theme`. */
import { join } from "node:path";
import { type DefaultTheme, defineConfig } from "vitepress";
import { anchorOf } from "./anchors.ts";
import { type Page, readPages, type Section, sectionsOf } from "./contents.ts";
import { pagesFolder, root, siteFolder } from "./places.ts";

const pages = readPages();
const sections = sectionsOf(pages);
const summaries = new Map(pages.map((page) => [page.path, page.summary]));

const linkTo = ({ title, path }: Page): DefaultTheme.SidebarItem => ({
  text: title,
  link: `/${path.replace(/\.md$/, "")}`,
});

/** A closed list of pages. Its title leads to the first of them, which opens the list. */
function closedList(
  title: string,
  list: readonly Page[],
  items = list.map(linkTo),
): DefaultTheme.SidebarItem {
  const [first] = list;
  return {
    text: title,
    collapsed: true,
    items,
    ...(first === undefined ? {} : { link: linkTo(first).link ?? "" }),
  };
}

/** Only the section that readers begin with is open; that of the page is, too. */
function sidebarOf({ title, groups }: Section): DefaultTheme.SidebarItem {
  const items = groups.flatMap((group) =>
    group.title === undefined ? group.pages.map(linkTo) : [closedList(group.title, group.pages)],
  );
  const all = groups.flatMap((group) => group.pages);
  return title === "Tutorials" ? { text: title, items } : closedList(title, all, items);
}

export default defineConfig({
  title: "Holdfast",
  description: "The open backend for AI agents: durable actors, sandboxes, and a boundary they cannot cross.",
  lang: "en",
  srcDir: pagesFolder,
  outDir: siteFolder,
  cacheDir: join(root, ".cache", "vitepress"),
  head: [["link", { rel: "icon", href: "/icon.svg", type: "image/svg+xml" }]],
  markdown: {
    anchor: { slugify: anchorOf },
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
  },
  transformPageData: ({ relativePath }) => {
    const description = summaries.get(relativePath);
    return description === undefined || description === "" ? {} : { description };
  },
  // The index of the search is one file, which loads when somebody searches.
  vite: { logLevel: "warn", build: { chunkSizeWarningLimit: 4_000 } },
  themeConfig: {
    logo: { src: "/icon.svg", alt: "" },
    nav: [
      { text: "Documentation", link: "/overview" },
      { text: "Why", link: "/explanation/why" },
      { text: "Examples", link: "/examples" },
      { text: "Changes", link: "/changelog" },
    ],
    sidebar: sections.map(sidebarOf),
    outline: [2, 3],
    search: { provider: "local" },
  },
});
