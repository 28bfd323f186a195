/** Contents of the demo team's repositories: small projects with tests, and what the demo agent can do in each. */

/** One step of the demo agent; see `packages/sandbox/src/demo/playbook.ts`. */
export type PlaybookStep =
  | { readonly think: string }
  | { readonly say: string }
  | { readonly read: string }
  | { readonly run: string }
  /** Without `old`, the whole file. */
  | { readonly edit: string; readonly old?: string; readonly new: string };

/** What the agent does for a prompt that `when` matches, where the texts to replace are still there. */
export interface PlaybookRule {
  readonly when: string;
  readonly steps: readonly PlaybookStep[];
}

/** The file in a repository that the demo agent follows. */
export function playbookFile(rules: readonly PlaybookRule[]): string {
  return `${JSON.stringify({ version: 1, rules }, undefined, 2)}\n`;
}

export const packageFile = (name: string) => `{
  "name": "${name}",
  "version": "1.0.0",
  "private": true,
  "type": "module",
  "scripts": {
    "test": "node --test",
    "style": "node tools/style.ts"
  }
}
`;

/** The second check of both repositories. */
export const styleTool = `import { readdirSync, readFileSync } from "node:fs";

/** Lines of at most 100 characters, and a doc comment above each exported function. */
const problems: string[] = [];
for (const name of readdirSync("src")) {
  const lines = readFileSync(\`src/\${name}\`, "utf8").split("\\n");
  lines.forEach((line, index) => {
    const place = \`src/\${name}:\${index + 1}\`;
    if (line.length > 100) problems.push(\`\${place}: the line is longer than 100 characters\`);
    const isExported = line.startsWith("export function ");
    if (isExported && lines[index - 1]?.trimEnd().endsWith("*/") !== true)
      problems.push(\`\${place}: the exported function has no doc comment\`);
  });
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
`;
