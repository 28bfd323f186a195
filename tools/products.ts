/**
 * Checks examples/products: each is a project that runs where its folder is copied to. Its files are complete, it imports
 * only itself and packages that its package.json has in the versions of this repository, a test compares its picture
 * with its page, and examples/README.md and docs/explanation/house.md have it.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, posix } from "node:path";
import { importsOf, root, sourceFiles, workspacePackages } from "./workspace.ts";

const folder = "examples/products";
const maxFilesOfFolder = 16;
const scripts = ["dev", "start", "test", "types"];

interface Manifest {
  readonly name?: string;
  readonly private?: boolean;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const read = (path: string): string => readFileSync(join(root, path), "utf8");
const problems: string[] = [];
const house = read("docs/explanation/house.md");
const list = read("examples/README.md");
const pictures = JSON.parse(read("docs/assets/pictures.json")) as Record<string, unknown>;
const locked = (JSON.parse(read("package-lock.json")) as { packages: Record<string, { version?: string }> })
  .packages;
const own = new Map(workspacePackages().map(({ name, version }) => [name, version]));

function versionOf(name: string): string | undefined {
  return own.get(name) ?? locked[`node_modules/${name}`]?.version;
}

function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

function checkManifest(path: string, name: string): ReadonlySet<string> {
  const manifest = JSON.parse(read(`${path}/package.json`)) as Manifest;
  const all = { ...manifest.dependencies, ...manifest.devDependencies };
  if (manifest.name !== name || manifest.private !== true)
    problems.push(`${path}/package.json: it is private and has the name of its folder`);
  for (const script of scripts)
    if (manifest.scripts?.[script] === undefined) problems.push(`${path}/package.json: no script ${script}`);
  for (const [dependency, version] of Object.entries(all)) {
    const expected = versionOf(dependency);
    if (expected === undefined)
      problems.push(`${path}/package.json: this repository does not have ${dependency}`);
    else if (version !== expected)
      problems.push(`${path}/package.json: ${dependency} is ${expected} here, not ${version}`);
  }
  return new Set(Object.keys(all));
}

function checkImports(product: string, file: string, dependencies: ReadonlySet<string>): void {
  for (const specifier of importsOf(read(file))) {
    if (specifier.startsWith(".")) {
      if (!posix.join(dirname(file), specifier).startsWith(`${product}/`))
        problems.push(`${file}: "${specifier}" is not in the folder of the product`);
    } else if (!specifier.startsWith("node:") && !builtinModules.includes(specifier)) {
      if (!dependencies.has(packageOf(specifier)))
        problems.push(`${product}/package.json: ${packageOf(specifier)}, which ${file} imports, is missing`);
    }
  }
}

function checkFolders(product: string, files: readonly string[]): void {
  for (const each of new Set(files.map((file) => dirname(file)))) {
    if (!house.includes(`\n- \`${each}\`: `)) problems.push(`docs/explanation/house.md: ${each} has no line`);
    const count = files.filter((file) => dirname(file) === each).length;
    if (count > maxFilesOfFolder)
      problems.push(`${each}: ${count} source files, at most ${maxFilesOfFolder}`);
  }
  if (files.length === 0) problems.push(`${product}: no source files`);
}

function checkProduct(name: string, sources: readonly string[]): void {
  const product = `${folder}/${name}`;
  const needed = ["README.md", "DEPLOY.md", "Dockerfile", "tsconfig.json", "server.ts", "screenshot.png"];
  const missing = [...needed.map((file) => `${product}/${file}`), `tests/products/${name}.test.ts`].filter(
    (path) => !existsSync(join(root, path)),
  );
  for (const path of missing) problems.push(`${path} is missing`);
  if (!existsSync(join(root, product, "package.json"))) {
    problems.push(`${product}/package.json is missing`);
    return;
  }
  const dependencies = checkManifest(product, name);
  const files = sources.filter((file) => file.startsWith(`${product}/`));
  for (const file of files) checkImports(product, file, dependencies);
  checkFolders(product, files);
  if (!files.some((file) => file.endsWith(".test.ts"))) problems.push(`${product}: it has no test`);
  if (!list.includes(`](products/${name})`)) problems.push(`examples/README.md: ${name} has no row`);
  if (pictures[`products/${name}`] === undefined)
    problems.push(`docs/assets/pictures.json: no test compares the picture of ${name}`);
  const readme = `${product}/README.md`;
  if (!missing.includes(readme) && !read(readme).includes("](screenshot.png)"))
    problems.push(`${readme}: it does not show screenshot.png`);
}

const sources = sourceFiles();
const names = existsSync(join(root, folder))
  ? readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [entry.name] : [],
    )
  : [];
for (const name of names) checkProduct(name, sources);
if (problems.length > 0) {
  console.error(problems.sort().join("\n"));
  process.exit(1);
}
console.log(`products: ${names.length}, each complete and in the versions of this repository`);
