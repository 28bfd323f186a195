/**
 * Checks the imports between packages against docs/explanation/architecture.md. A package is imported only through the
 * exports of its package.json, and only where it is declared as a dependency. Files do not import each other in a
 * circle, types included. Rooms of the web app import each other only through their front doors. Modules of the Studio's
 * actors keep no state, and no file of a package switches its type check off.
 */
import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, relative, resolve } from "node:path";
import { sharedStateProblems } from "./actor-modules.ts";
import { importCycles } from "./import-cycles.ts";
import { webRoomProblems } from "./web-rooms.ts";
import {
  importsOf,
  readPackage,
  root,
  skipsTypeCheck,
  sourceFiles,
  type WorkspacePackage,
  workspacePackages,
} from "./workspace.ts";

const belowStudio = [
  "core",
  "cli",
  "client",
  "react",
  "actors",
  "store-sqlite",
  "store-kit",
  "store-postgres",
  "store-redis",
  "server",
  "durable-objects",
  "sandbox",
  "sandbox-client",
  "sandbox-react",
  "sandbox-ui",
  "inspector-ui",
  "web-parts",
  "agent",
  "gate",
  "guest",
  "plugins",
] as const;

/** Packages that the shipped source (`src/` without tests) of each package may import. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: [],
  cli: ["core"],
  client: ["core"],
  react: ["core", "client"],
  actors: ["core", "client"],
  "store-sqlite": ["core", "actors"],
  // Takes the SQL sessions of actors' databases, and the lock of its cache directory.
  // For stores on a server: not installed with those that only use SQLite.
  "store-kit": ["core", "actors", "store-sqlite"],
  "store-postgres": ["core", "actors", "store-sqlite", "store-kit"],
  "store-redis": ["core", "actors", "store-sqlite", "store-kit"],
  server: ["core", "client", "actors"],
  // Hosts actors with the server's own directory, gateway and connections.
  "durable-objects": ["core", "client", "actors", "server"],
  sandbox: ["core", "cli", "sandbox-ui"],
  "sandbox-client": ["core"],
  // Published as `holdfast/agent`.
  agent: ["core", "actors", "sandbox-client"],
  // Chats of the AI SDK, beside the agents, whose streams they are.
  "ai-sdk": ["core", "actors", "agent"],
  // Agents as A2A servers: it calls them as a client does.
  a2a: ["core", "client", "agent"],
  // Actors as MCP servers, beside the server: it calls them as a client does.
  mcp: ["core", "client", "actors"],
  "sandbox-react": [],
  // The browser app is built from the client; the package itself only exports the location of the build.
  "sandbox-ui": ["core", "sandbox-client", "sandbox-react", "web-parts"],
  "inspector-ui": ["core", "web-parts"],
  "web-parts": ["core", "sandbox-client", "sandbox-react"],
  gate: ["core"],
  guest: ["core"],
  plugins: ["core", "gate"],
  // Below the Studio: it knows machines, not tasks.
  "agent-os": ["core", "actors", "gate", "guest", "sandbox", "sandbox-client"],
  "create-holdfast": ["cli"],
  // Data of other frameworks in actors.
  "adapter-kit": ["core", "client", "actors"],
  langgraph: ["core", "client", "actors", "adapter-kit"],
  "openai-agents": ["core", "client", "actors", "adapter-kit"],
  mastra: ["core", "client", "actors", "adapter-kit"],
  "test-kit": ["core", "client", "actors", "server", "store-sqlite"],
  // Test doubles, never published: only tests, benches and examples import it.
  testing: [...belowStudio, "test-kit"],
  studio: belowStudio,
  // Installed by actor developers. The Studio's commands are resolved at run time, when it is installed too.
  holdfast: [
    ...[
      "agent",
      "core",
      "cli",
      "client",
      "react",
      "actors",
      "store-sqlite",
      "server",
      "test-kit",
      "agent-os",
      "inspector-ui",
    ],
  ],
};

/** Folders that run in browsers too: no Node modules, no globals of Node. */
const portable = [
  "packages/core/src",
  "packages/client/src",
  "packages/actors/src",
  "packages/react/src",
  "packages/ai-sdk/src/client",
  "packages/sandbox-client/src",
  "packages/sandbox-react/src",
  "packages/sandbox-ui/src/web",
  "packages/inspector-ui/src/web",
  "packages/studio/src/web",
  "packages/web-parts/src",
];
const portableExceptions = [
  "packages/core/src/node",
  "packages/sandbox-client/src/node",
  "packages/web-parts/src/vite.ts",
];

/** Bundled apps: their imports are needed when they are built, not where they run. */
const bundled = ["packages/sandbox-ui/src/web", "packages/inspector-ui/src/web", "packages/studio/src/web"];

/** Folders where time, randomness, timers and I/O come only through the ports. */
const ported = ["packages/actors/src", "packages/server/src"];
/** Parts of the server that do I/O directly: sockets, HTTP, framework adapters and links between nodes. */
const portedExceptions = [
  "packages/server/src/gateway",
  "packages/server/src/adapters",
  "packages/server/src/cluster/links",
  "packages/server/src/cluster/forwarding",
  "packages/server/src/cluster/node",
  "packages/server/src/cluster/wakeups/nats-connection.ts",
  // Hashes are no I/O.
  "packages/server/src/cluster/shards.ts",
];
const ambient =
  /\b(Date\.now|new Date\(\)|Math\.random|performance\.now|setTimeout|setInterval|setImmediate|queueMicrotask|process\.(hrtime|nextTick|env)|crypto\.(randomUUID|getRandomValues|randomBytes))\b/;

const problems: string[] = [];

function within(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => path === folder || path.startsWith(`${folder}/`));
}

function isTest(path: string): boolean {
  return path.endsWith(".test.ts") || path.includes("/tests/") || path.startsWith("tests/");
}

function checkFile(
  path: string,
  owner: WorkspacePackage | undefined,
  byName: ReadonlyMap<string, WorkspacePackage>,
): void {
  const text = readFileSync(resolve(root, path), "utf8");
  problems.push(...sharedStateProblems(path, text));
  if (owner !== undefined && skipsTypeCheck(text)) problems.push(`${path}: types are checked here`);
  const shipped = owner !== undefined && path.startsWith(`packages/${owner.folder}/src/`) && !isTest(path);
  for (const specifier of importsOf(text)) {
    if (specifier.startsWith(".")) {
      if (owner === undefined) continue;
      const target = relative(root, resolve(root, dirname(path), specifier));
      if (!target.startsWith(`packages/${owner.folder}/`) && target.startsWith("packages/")) {
        problems.push(`${path}: "${specifier}" reaches into another package; import it by name`);
      }
      continue;
    }
    const name = specifier.startsWith("@")
      ? specifier.split("/").slice(0, 2).join("/")
      : (specifier.split("/")[0] ?? "");
    const target = byName.get(name);
    if (target !== undefined) checkInternal(path, owner, shipped, specifier, target);
    else if (shipped && within(path, portable) && !within(path, portableExceptions) && isBuiltin(specifier)) {
      problems.push(`${path}: "${specifier}" does not exist in a browser`);
    }
  }
  if (shipped && within(path, ported) && !within(path, portedExceptions)) checkAmbient(path, text);
}

function checkInternal(
  path: string,
  owner: WorkspacePackage | undefined,
  shipped: boolean,
  specifier: string,
  target: WorkspacePackage,
): void {
  const subpath = specifier === target.name ? "." : `.${specifier.slice(target.name.length)}`;
  if (!(subpath in target.exports))
    problems.push(`${path}: "${specifier}" is not exported by ${target.name}`);
  if (!shipped || owner === undefined || target.name === owner.name) return;
  if (!(allowed[owner.folder] ?? []).includes(target.folder)) {
    problems.push(`${path}: ${owner.folder} must not import ${target.folder}`);
  }
  const declared = within(path, bundled)
    ? { ...owner.dependencies, ...owner.devDependencies }
    : { ...owner.dependencies, ...owner.peerDependencies };
  if (!(target.name in declared)) {
    problems.push(`${path}: ${target.name} is not among the dependencies of ${owner.name}`);
  }
}

function checkAmbient(path: string, text: string): void {
  text.split("\n").forEach((line, index) => {
    const code = line.replace(/^\s*(\/\/|\*|\/\*).*/, "").replace(/\/\/.*/, "");
    const found = ambient.exec(code);
    if (found !== null)
      problems.push(`${path}:${index + 1}: ${found[0]} is ambient; use the ports of @holdfast/core`);
    if (/from "node:/.test(code)) problems.push(`${path}:${index + 1}: I/O goes through the ports`);
  });
}

function isBuiltin(specifier: string): boolean {
  return specifier.startsWith("node:") || builtinModules.includes(specifier);
}

const packages = workspacePackages();
const byName = new Map(packages.map((item) => [item.name, item]));
for (const item of packages) {
  if (!(item.folder in allowed))
    problems.push(`packages/${item.folder}: say in tools/boundaries.ts whom it may import`);
}
const imports = new Map<string, readonly string[]>();
for (const path of sourceFiles()) {
  if (!isTest(path)) imports.set(path, importsOf(readFileSync(resolve(root, path), "utf8")));
  const folder = /^packages\/([^/]+)\//.exec(path)?.[1];
  checkFile(path, folder === undefined ? undefined : readPackage(folder), byName);
}

problems.push(...webRoomProblems(imports));
for (const cycle of importCycles(imports)) problems.push(`These import each other: ${cycle.join(", ")}`);

if (problems.length > 0) {
  console.error(problems.join("\n"));
  console.error(`boundaries: ${problems.length} problems`);
  process.exit(1);
}
console.log(`boundaries: ${packages.length} packages hold`);
