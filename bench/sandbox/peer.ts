/** Pinned binary of the peer from the npm registry, installed outside the workspace and reused by later runs. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const version = "0.4.2";
const directory = join(import.meta.dirname, "..", "..", ".cache", "sandbox-peer");

/** Returns the path of the binary, or the reason why there is none. */
export function peerBinary(): { readonly path: string } | { readonly missing: string } {
  const name = `@sandbox-agent/cli-${process.platform}-${process.arch}`;
  const path = join(directory, "node_modules", name, "bin", "sandbox-agent");
  const file = join(directory, "package.json");
  const wanted = JSON.stringify({ private: true, dependencies: { [name]: version } });
  try {
    if (!existsSync(path) || readFileSync(file, "utf8") !== wanted) {
      mkdirSync(directory, { recursive: true });
      writeFileSync(file, wanted);
      const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"];
      execFileSync("npm", ["install", ...quiet], { cwd: directory, stdio: "pipe", timeout: 60_000 });
    }
    // The only thing that its install script does.
    chmodSync(path, 0o755);
    return { path };
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n", 1)[0] : String(error);
    return { missing: `no peer beside: ${name} ${version} cannot be had: ${reason}` };
  }
}
