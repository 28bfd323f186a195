import { common, createLowlight } from "lowlight";

/** A piece of a line; `className` names its token. */
export interface Segment {
  readonly text: string;
  readonly className?: string;
}

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

/** The tokens of each line of a text. */
export function highlightLines(language: string, text: string): readonly (readonly Segment[])[] {
  return segmentsByLine(lowlight.highlight(language, text).children);
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
