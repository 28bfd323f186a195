/** Files of the site for language models: `llms.txt`, `llms-full.txt` and a skill for coding agents. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page, Section } from "./contents.ts";
import { root } from "./places.ts";

const summary =
  "The open backend for AI agents, in TypeScript: durable actors, sandboxes where agents work, and a boundary they cannot cross.";

const pagesOf = (section: Section): Page[] => section.groups.flatMap((group) => group.pages);

/** The index, as https://llmstxt.org describes it: a line for each page, with the address of its Markdown. */
export function llmsIndex(sections: readonly Section[]): string {
  const lines = ["# Holdfast", "", `> ${summary}`, ""];
  lines.push("All pages in one file: [llms-full.txt](/llms-full.txt). Rules for agents that write code");
  lines.push("with Holdfast: [SKILL.md](/SKILL.md).", "");
  for (const section of sections) {
    lines.push(`## ${section.title}`, "");
    for (const { title, path, summary: about } of pagesOf(section))
      lines.push(`- [${title}](/${path})${about === "" ? "" : `: ${about}`}`);
    lines.push("");
  }
  return lines.join("\n");
}

/** All pages, one after the other. `textOf` gives the text of a page with the links of the site. */
export function llmsFull(sections: readonly Section[], textOf: (page: Page) => string): string {
  const texts = sections.flatMap(pagesOf).map((page) => `<!-- /${page.path} -->\n\n${textOf(page).trim()}\n`);
  return `> ${summary}\n\n${texts.join("\n---\n\n")}`;
}

/** A skill for coding agents: the rules that `holdfast init` gives to a project. */
export function skill(): string {
  const rules = readFileSync(join(root, "packages/holdfast/src/cli/init/AGENTS.md"), "utf8");
  const body = rules.replace(/^# .*$/m, "# Programs with Holdfast");
  return `---
name: holdfast
description: Rules for writing and testing durable actors with the TypeScript library Holdfast. Use it where a project imports "holdfast".
---

${body.trim()}

## More

Recipes, each a whole program that the tests of the library run: \`/cookbook/state.md\`, \`/cookbook/live.md\`,
\`/cookbook/work.md\`, \`/cookbook/web.md\`, \`/cookbook/agents.md\`. The index of the documentation is \`/llms.txt\` of the site that this file comes from; each page is there as Markdown.
`;
}
