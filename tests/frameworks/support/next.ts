/** Next.js from the npm registry, pinned, kept between runs. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..", "..");
const directory = join(root, ".cache", "frameworks");

const manifest = {
  private: true,
  type: "module",
  dependencies: { next: "16.4.6", react: "19.3.1", "react-dom": "19.3.1" },
};

/** The program `next`. Install scripts are not run: its compiler is part of the packages. */
export function installNext(): string {
  const program = join(directory, "node_modules", "next", "dist", "bin", "next");
  const file = join(directory, "package.json");
  const wanted = JSON.stringify(manifest);
  if (existsSync(program) && readFileSync(file, "utf8") === wanted) return program;
  mkdirSync(directory, { recursive: true });
  writeFileSync(file, wanted);
  execFileSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"], {
    cwd: directory,
    stdio: "pipe",
  });
  return program;
}

/** Copies an example to where it finds both Next.js and the packages of this repository. */
export function copyExample(name: string): string {
  const copy = join(directory, name);
  rmSync(copy, { recursive: true, force: true });
  cpSync(join(root, "examples", name), copy, { recursive: true });
  writeFileSync(join(copy, "package.json"), JSON.stringify({ private: true, type: "module" }));
  return copy;
}

/** What the processes of Next.js get: nothing of theirs leaves this machine. */
export function nextEnvironment(data: string, port: number): NodeJS.ProcessEnv {
  return {
    ...process.env,
    NODE_ENV: "production",
    NEXT_TELEMETRY_DISABLED: "1",
    NEXT_ROOT: root,
    HOLDFAST_DATA: data,
    HOLDFAST_PORT: String(port),
  };
}
