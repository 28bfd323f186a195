/** The JavaScript runtimes of these tests, from the npm registry, pinned, kept between runs. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const directory = join(import.meta.dirname, "..", "..", "..", ".cache", "runtimes");

const manifest = {
  private: true,
  type: "module",
  dependencies: { bun: "1.4.5", deno: "2.9.6", miniflare: "4.20260730.0" },
};

/** Installs what is missing. Their install scripts are not run: the programs are part of the packages. */
export function installRuntimes(): string {
  const file = join(directory, "package.json");
  const wanted = JSON.stringify(manifest);
  const installed = existsSync(join(directory, "node_modules", "miniflare"));
  if (installed && readFileSync(file, "utf8") === wanted) return directory;
  mkdirSync(directory, { recursive: true });
  writeFileSync(file, wanted);
  execFileSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"], {
    cwd: directory,
    stdio: "pipe",
  });
  return directory;
}

const arch = process.arch === "arm64" ? { bun: "aarch64", deno: "arm64" } : { bun: "x64", deno: "x64" };

export function bunPath(): string {
  return join(installRuntimes(), "node_modules", "@oven", `bun-linux-${arch.bun}`, "bin", "bun");
}

export function denoPath(): string {
  return join(installRuntimes(), "node_modules", "@deno", `linux-${arch.deno}-glibc`, "deno");
}

/** The entry of miniflare, which runs workers in workerd. */
export function miniflareEntry(): string {
  return join(installRuntimes(), "node_modules", "miniflare", "dist", "src", "index.js");
}
