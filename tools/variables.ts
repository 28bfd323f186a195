/**
 * Checks that the documents describe each Holdfast environment variable that the packages use. Variables that only
 * Holdfast's own processes exchange are listed here instead.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./workspace.ts";

/** Set by Holdfast, or by its test runner, for its own processes, the only readers. */
const internal: ReadonlySet<string> = new Set([
  "HOLDFAST_ATTACK_CONTROL",
  "HOLDFAST_DEMO_MOCK",
  "HOLDFAST_DEMO_PACE_MS",
  "HOLDFAST_DEV_URL",
  "HOLDFAST_JAIL",
  "HOLDFAST_MODEL_KEY",
  "HOLDFAST_TEST_POSTGRES",
  "HOLDFAST_TEST_POSTGRES_DATA",
  "HOLDFAST_TEST_STORE",
]);

function textsOf(...patterns: readonly string[]): string[] {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ...patterns];
  return execFileSync("git", args, { cwd: root, encoding: "utf8" })
    .split("\0")
    .filter((path) => path !== "" && !/\.test\.tsx?$/.test(path) && existsSync(join(root, path)))
    .map((path) => readFileSync(join(root, path), "utf8"));
}

function variablesIn(texts: readonly string[]): ReadonlySet<string> {
  return new Set(texts.flatMap((text) => text.match(/\bHOLDFAST_[A-Z0-9_]*[A-Z0-9]\b/g) ?? []));
}

const named = variablesIn(textsOf("packages/*/src/**", "packages/*/bin/**"));
const documented = variablesIn(textsOf("README.md", "docs/**/*.md", "docs/*.md", "packages/*/README.md"));
const problems = [
  ...[...named]
    .filter((name) => !documented.has(name) && !internal.has(name))
    .map((name) => `${name} is in no document`),
  ...[...internal].filter((name) => !named.has(name)).map((name) => `${name} is in no package any more`),
  ...[...internal]
    .filter((name) => documented.has(name))
    .map((name) => `${name} is documented: not internal`),
];

if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
console.log(
  `variables: ${named.size} named in the packages, all documented but the ${internal.size} internal ones`,
);
