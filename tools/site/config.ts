/** The configuration of VitePress: what the site looks like is in `.vitepress/theme`. */
import { join } from "node:path";
import { type DefaultTheme, defineConfig } from "vitepress";
import { anchorOf } from "./anchors.ts";
import { apiPages } from "./api/entries.ts";
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

/** The reference of the API is made from the types: its pages are in no folder of the repository. */
const api: DefaultTheme.SidebarItem = {
  text: "API",
  collapsed: true,
  link: "/api/overview",
  items: apiPages().map(({ title, path }) => ({ text: title, link: `/${path.replace(/\.md$/, "")}` })),
};

const sidebar = sections.flatMap((section) =>
  section.title === "Reference" ? [sidebarOf(section), api] : [sidebarOf(section)],
);

/** A menu of pages by their paths, with their titles. */
function menu(text: string, ...paths: readonly string[]): DefaultTheme.NavItemWithChildren {
  const items = paths.map((path) => {
    const page = pages.find((each) => each.path === `${path}.md`);
    if (page === undefined) throw new Error(`The menu ${text} names ${path}, which is no page`);
    return { text: page.title, link: `/${path}` };
  });
  return { text, items };
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
  // Pages that are linked on the first one weigh more than all that it needs itself.
  router: { prefetchLinks: false },
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
      { text: "Cookbook", link: "/cookbook/state" },
      { text: "API", link: "/api/overview" },
      menu(
        "Deploy",
        "how-to/deploy",
        "how-to/run-the-studio",
        "how-to/run-the-studio-on-nodes",
        "how-to/run-a-cluster",
        "how-to/deploy-a-cluster",
        "how-to/operate-a-cluster",
        "how-to/run-serverless",
        "how-to/watch-it-in-production",
        "how-to/back-up-postgresql",
      ),
      menu(
        "Security",
        "threat-model",
        "guarantees-agents",
        "reference/jails",
        "reference/egress",
        "reference/policy",
        "reference/audit",
        "explanation/attacks",
      ),
      menu("More", "explanation/why", "explanation/compare", "examples", "changelog"),
    ],
    sidebar,
    outline: [2, 3],
    search: { provider: "local" },
  },
});
