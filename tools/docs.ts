/**
 * Checks the documents: every `ts` block compiles as a module against the packages, a block marked `ts run` also runs
 * and exits with 0, every relative link leads to an existing file and heading, and `docs/README.md` lists every page
 * of `docs`.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { anchorOf } from "./site/anchors.ts";
import { type CodeBlock, codeBlocksOf } from "./site/code-blocks.ts";
import { root } from "./workspace.ts";

function documents(): string[] {
  return execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.md"], {
    cwd: root,
    encoding: "utf8",
  })
    .split("\0")
    .filter(
      (path) =>
        path !== "" &&
        existsSync(join(root, path)) &&
        !path.includes("/sample/") &&
        !path.includes("/templates/"),
    );
}

/** Link targets of a page, without those inside code. */
function linksOf(text: string): string[] {
  return Array.from(withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g), (match) => match[1] ?? "");
}

function withoutCode(text: string): string {
  return text.replace(/```[\s\S]*?```/g, "");
}

/** Fragments of the headings, as repository hosts generate them. */
function anchorsOf(text: string): ReadonlySet<string> {
  const headings = withoutCode(text).matchAll(/^#{1,6}\s+(.*)$/gm);
  return new Set(Array.from(headings, (match) => anchorOf(match[1] ?? "")));
}

function brokenLinks(path: string, text: string): string[] {
  const problems: string[] = [];
  for (const link of linksOf(text)) {
    if (/^[a-z]+:/.test(link)) continue;
    const [target = "", fragment] = link.split("#");
    const file = target === "" ? join(root, path) : resolve(root, dirname(path), target);
    if (!existsSync(file)) problems.push(`${path}: the link to ${target} leads nowhere`);
    else if (fragment !== undefined && !anchorsOf(readFileSync(file, "utf8")).has(fragment))
      problems.push(`${path}: the link to ${link} leads to no heading`);
  }
  return problems;
}

/** The index is how readers find a page whose name they do not know. */
function unlistedPages(): string[] {
  const index = "docs/README.md";
  const listed = linksOf(readFileSync(join(root, index), "utf8")).map((link) => join("docs", link));
  return documents()
    .filter((path) => path.startsWith("docs/") && path !== index && !listed.includes(path))
    .map((path) => `${index}: ${path} is not listed`);
}

const folder = join(root, ".cache", "docs");
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

const problems = unlistedPages();
const blocks: CodeBlock[] = [];
for (const path of documents()) {
  const text = readFileSync(join(root, path), "utf8");
  problems.push(...brokenLinks(path, text));
  blocks.push(...codeBlocksOf(path, text));
}

const fileOf = (index: number) => `block-${index}.${blocks[index]?.jsx ? "tsx" : "ts"}`;
blocks.forEach((block, index) => {
  writeFileSync(join(folder, fileOf(index)), `${block.code}\nexport {};\n`);
});
writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
writeFileSync(
  join(folder, "tsconfig.json"),
  JSON.stringify({
    extends: "../../tsconfig.json",
    compilerOptions: {
      jsx: "react-jsx",
      lib: ["es2024", "dom", "dom.iterable", "esnext.disposable", "esnext.iterator", "esnext.array"],
    },
    include: ["*.ts", "*.tsx"],
    exclude: [],
  }),
);

try {
  execFileSync(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-p", folder], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
} catch (error) {
  const output = String((error as { stdout?: unknown }).stdout ?? error);
  problems.push(
    output.replace(/(?:[^\s(]*\/)?block-(\d+)\.tsx?\((\d+)/g, (_, index: string, line: string) => {
      const block = blocks[Number(index)];
      return block === undefined ? "?" : `${block.source}(${block.line + Number(line) - 1}`;
    }),
  );
}

if (problems.length === 0) {
  blocks.forEach((block, index) => {
    if (block.use !== "run") return;
    try {
      execFileSync(process.execPath, ["--disable-warning=ExperimentalWarning", join(folder, fileOf(index))], {
        cwd: folder,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
        timeout: 60_000,
      });
    } catch (error) {
      problems.push(
        `${block.source}:${block.line}: the code failed\n${String((error as { stderr?: unknown }).stderr)}`,
      );
    }
  });
}

if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
const run = blocks.filter((block) => block.use === "run").length;
console.log(`docs: ${blocks.length} code blocks compile, ${run} run, links hold`);
