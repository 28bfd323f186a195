/** The peer's published React package, pinned outside the workspace, in pages for a browser. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { rolldown } from "rolldown";

const root = join(import.meta.dirname, "..", "..", "..");
const directory = join(root, ".cache", "sandbox-react");

const manifest = {
  private: true,
  type: "module",
  dependencies: {
    "@sandbox-agent/react": "0.4.2",
    "sandbox-agent": "0.4.2",
    // The oldest that the peer takes: ours has to work with it as well.
    react: "18.3.1",
    "react-dom": "18.3.1",
  },
};

function installPublished(): void {
  const file = join(directory, "package.json");
  const wanted = JSON.stringify(manifest);
  const entry = join(directory, "node_modules", "@sandbox-agent", "react", "dist", "index.js");
  if (existsSync(entry) && existsSync(file) && readFileSync(file, "utf8") === wanted) return;
  mkdirSync(directory, { recursive: true });
  writeFileSync(file, wanted);
  const quiet = ["--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--no-package-lock"];
  // Its own range of `sandbox-agent` does not take the version that it was published with.
  execFileSync("npm", ["install", "--legacy-peer-deps", ...quiet], { cwd: directory, stdio: "pipe" });
}

/** Compiler errors of the peer's declarations against ours; empty if they agree. */
export function compareTypes(): string {
  installPublished();
  const config = join(directory, "tsconfig.json");
  const types = join(root, "node_modules", "@types", "react");
  const paths = {
    "@sandbox-agent/react": [
      join(directory, "node_modules", "@sandbox-agent", "react", "dist", "index.d.ts"),
    ],
    "@holdfast/sandbox-react": [join(root, "packages", "sandbox-react", "src", "index.ts")],
    react: [join(types, "index.d.ts")],
    "react/jsx-runtime": [join(types, "jsx-runtime.d.ts")],
  };
  const compiled = {
    extends: join(root, "packages", "sandbox-react", "tsconfig.json"),
    compilerOptions: { paths, typeRoots: [join(root, "node_modules", "@types")] },
    files: [join(import.meta.dirname, "react-types.tsx")],
    include: [],
  };
  writeFileSync(config, JSON.stringify(compiled));
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const { stdout, stderr } = spawnSync(process.execPath, [tsc, "--noEmit", "-p", config], {
    encoding: "utf8",
  });
  return stdout + stderr;
}

export type Imports = "published" | "ours";

/** The program with the peer's packages, or with ours in their place. */
async function bundle(imports: Imports): Promise<string> {
  const modules = join(directory, "node_modules");
  const packages = join(root, "packages");
  const react = { react: join(modules, "react"), "react-dom": join(modules, "react-dom") };
  const ours = {
    "@sandbox-agent/react": join(packages, "sandbox-react", "src", "index.ts"),
    "sandbox-agent": join(packages, "sandbox-client", "src", "index.ts"),
  };
  const published = {
    "@sandbox-agent/react": join(modules, "@sandbox-agent", "react"),
    "sandbox-agent": join(modules, "sandbox-agent"),
  };
  const build = await rolldown({
    input: join(import.meta.dirname, "react-program.mjs"),
    platform: "browser",
    // The peer's client has parts for Node that it loads when they are called.
    external: /^node:/,
    resolve: { alias: { ...react, ...(imports === "ours" ? ours : published) } },
    transform: { define: { "process.env.NODE_ENV": '"production"' } },
    logLevel: "silent",
  });
  const { output } = await build.generate({ format: "esm", codeSplitting: false });
  await build.close();
  return output[0].code;
}

const html =
  '<!doctype html><title>t</title><div id="root"></div><script type="module" src="page.js"></script>';

/** Serves `/published/` and `/ours/`. */
export async function serveProgram(): Promise<{ readonly url: string; close(): void }> {
  installPublished();
  const scripts = { published: await bundle("published"), ours: await bundle("ours") };
  const server = createServer((request, response) => {
    const [, imports, file] = (request.url ?? "").split("/");
    const script = file === "page.js";
    response.writeHead(200, { "content-type": script ? "text/javascript" : "text/html" });
    response.end(script ? scripts[imports === "ours" ? "ours" : "published"] : html);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the page has no port");
  return {
    url: `http://127.0.0.1:${address.port}/`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
