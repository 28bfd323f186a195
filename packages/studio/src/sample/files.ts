/** The bundled sample repository: a small working project with one failing test. */
export const sampleFiles: Readonly<Record<string, string>> = {
  "README.md": `# Slugs

Turns titles into addresses: \`slugify("Hello, World!")\` is \`hello-world\`.

Run the tests with \`npm test\` (Node 24 runs the TypeScript directly, nothing is installed).
One of them fails.
`,
  "package.json": `{
  "name": "slugs",
  "version": "1.0.0",
  "private": true,
  "type": "module",
  "scripts": { "test": "node --test" }
}
`,
  ".gitignore": "node_modules/\n",
  "src/slugify.ts": `/** The address of a title: lower case, words joined by single dashes. */
export function slugify(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "-")
    .replace(/^-+|-+$/g, "");
}
`,
  "src/unique.ts": `import { slugify } from "./slugify.ts";

/** An address that is not taken yet: "-2", "-3", ... is appended where it is needed. */
export function uniqueSlug(title: string, taken: ReadonlySet<string>): string {
  const slug = slugify(title);
  if (!taken.has(slug)) return slug;
  for (let n = 2; ; n++) {
    if (!taken.has(\`\${slug}-\${n}\`)) return \`\${slug}-\${n}\`;
  }
}
`,
  "test/slugify.test.ts": `import assert from "node:assert/strict";
import { test } from "node:test";
import { slugify } from "../src/slugify.ts";

test("joins words with dashes", () => {
  assert.equal(slugify("Hello World"), "hello-world");
});

test("drops marks at the ends", () => {
  assert.equal(slugify("What now?"), "what-now");
});

test("puts one dash where there are several marks", () => {
  assert.equal(slugify("Hello, World!"), "hello-world");
});
`,
  "test/unique.test.ts": `import assert from "node:assert/strict";
import { test } from "node:test";
import { uniqueSlug } from "../src/unique.ts";

test("counts up until the address is free", () => {
  assert.equal(uniqueSlug("Hello World", new Set(["hello-world", "hello-world-2"])), "hello-world-3");
});
`,
};
