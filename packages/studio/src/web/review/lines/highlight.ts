import { common, createLowlight } from "lowlight";
import type { PatchHunk, PatchLine } from "../../shared/diff/patch.ts";

/** A piece of a line; `className` names its token. */
export interface Segment {
  readonly text: string;
  readonly className?: string;
}

export type Highlighted = ReadonlyMap<PatchLine, readonly Segment[]>;

/** Longer hunks stay plain, because the work is done between two frames. */
const maxCharacters = 60_000;
const maxFileCharacters = 300_000;

const lowlight = createLowlight(common);

const languages: Readonly<Record<string, string>> = {
  ...{
    bash: "bash",
    sh: "bash",
    zsh: "bash",
    c: "c",
    h: "c",
    cc: "cpp",
    cpp: "cpp",
    hpp: "cpp",
    cs: "csharp",
  },
  ...{ css: "css", diff: "diff", patch: "diff", go: "go", gql: "graphql", graphql: "graphql", html: "xml" },
  ...{ ini: "ini", toml: "ini", java: "java", js: "javascript", jsx: "javascript", mjs: "javascript" },
  ...{
    cjs: "javascript",
    json: "json",
    jsonc: "json",
    kt: "kotlin",
    less: "less",
    lua: "lua",
    md: "markdown",
  },
  ...{ m: "objectivec", pl: "perl", php: "php", py: "python", r: "r", rb: "ruby", rs: "rust", scss: "scss" },
  ...{ sql: "sql", svg: "xml", swift: "swift", ts: "typescript", tsx: "typescript", mts: "typescript" },
  ...{ cts: "typescript", vb: "vbnet", vue: "xml", xml: "xml", yaml: "yaml", yml: "yaml" },
  ...{ makefile: "makefile", mk: "makefile", dockerfile: "bash" },
};

/** The language of a file by its name; undefined for one that is not known. */
export function languageOf(path: string): string | undefined {
  const name = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  const extension = name.slice(name.lastIndexOf(".") + 1);
  return Object.hasOwn(languages, extension) ? languages[extension] : undefined;
}

/** Tokens of the lines of a file. Each side of a hunk is read as one text, so that a comment of several lines is one. */
export function highlightHunks(path: string, hunks: readonly PatchHunk[]): Highlighted {
  const result = new Map<PatchLine, readonly Segment[]>();
  const language = languageOf(path);
  if (language === undefined) return result;
  let left = maxFileCharacters;
  for (const { lines } of hunks) {
    for (const hidden of ["added", "removed"]) {
      const side = lines.filter(({ type }) => type !== "note" && type !== hidden);
      const text = side.map((line) => line.text).join("\n");
      left -= text.length;
      if (text.length > maxCharacters || left < 0) continue;
      const segments = segmentsByLine(lowlight.highlight(language, text).children);
      for (const [index, line] of side.entries()) result.set(line, segments[index] ?? [{ text: line.text }]);
    }
  }
  return result;
}

type Nodes = ReturnType<typeof lowlight.highlight>["children"];

function segmentsByLine(nodes: Nodes): Segment[][] {
  const lines: Segment[][] = [[]];
  const visit = (children: Nodes, className: string | undefined) => {
    for (const node of children) {
      if (node.type === "element") {
        const names = node.properties["className"];
        visit(node.children as Nodes, Array.isArray(names) ? names.join(" ") : className);
      } else if (node.type === "text") {
        for (const [index, text] of node.value.split("\n").entries()) {
          if (index > 0) lines.push([]);
          if (text !== "") lines.at(-1)?.push(className === undefined ? { text } : { text, className });
        }
      }
    }
  };
  visit(nodes, undefined);
  return lines;
}
