/** The code blocks of pages that the tests compile, and run. */

/** What a fence says behind its language: compile only, `run` or `recipe`. */
export type CodeUse = "compile" | "run" | "recipe";

export interface CodeBlock {
  /** The page, in the repository. */
  readonly source: string;
  /** Of its first line of code. */
  readonly line: number;
  /** The last heading above it. */
  readonly heading: string;
  readonly code: string;
  readonly use: CodeUse;
  readonly jsx: boolean;
}

const fencePattern = /^```(ts|typescript|tsx)(?:\s+(\w+))?(?:\s+\[[^\]]+\])?\s*$/;
const outputPattern = /(?:^|\s)\/\/ => ?(.*)$/;

/** Blocks of TypeScript, also those of a code group. A word that no use has is an error. */
export function codeBlocksOf(source: string, text: string): readonly CodeBlock[] {
  const blocks: CodeBlock[] = [];
  const lines = text.split("\n");
  let heading = "";
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? "";
    const [fence, language, word = "compile"] = fencePattern.exec(line) ?? [];
    if (fence === undefined) {
      // Of a block in another language, nothing is a heading.
      if (line.startsWith("```")) while (i + 1 < lines.length && lines[++i] !== "```");
      else heading = /^#{1,6}\s+(.*)$/.exec(line)?.[1] ?? heading;
      continue;
    }
    if (word !== "compile" && word !== "run" && word !== "recipe")
      throw new Error(`${source}:${i + 1}: a block is "run", "recipe" or neither, not "${word}"`);
    const start = i + 1;
    do i++;
    while (i < lines.length && lines[i] !== "```");
    const code = lines.slice(start, i).join("\n");
    blocks.push({ source, line: start + 1, heading, code, use: word, jsx: language === "tsx" });
  }
  return blocks;
}

/** The lines that a recipe prints, as its comments `// => text` say. */
export function expectedOutput(code: string): readonly string[] {
  return code
    .split("\n")
    .map((line) => outputPattern.exec(line)?.[1])
    .filter((line) => line !== undefined);
}
