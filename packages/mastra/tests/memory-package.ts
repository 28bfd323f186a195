/**
 * `@mastra/memory` of the npm registry, pinned, kept between runs, outside the workspace: with its parts it would add
 * 13 MB to every install. `@mastra/core` is that of the workspace.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { MastraMemory } from "@mastra/core/memory";
import type { MastraCompositeStore } from "@mastra/core/storage";

const version = "1.31.0";
const home = join(import.meta.dirname, "..", "..", "..", ".cache", "mastra-memory");

/** As much of the package as is used. */
interface MemoryPackage {
  readonly Memory: new (config: {
    readonly storage: MastraCompositeStore;
    readonly options: {
      readonly lastMessages: number;
      readonly semanticRecall: false;
      readonly workingMemory: {
        readonly enabled: true;
        readonly scope: "resource";
        readonly template: string;
      };
    };
  }) => MastraMemory;
}

/** Installs the package at the first use, without its install scripts. */
export async function memoryPackage(): Promise<MemoryPackage> {
  const wanted = JSON.stringify({
    private: true,
    type: "module",
    dependencies: { "@mastra/memory": version },
  });
  const done = join(home, "installed");
  if (!existsSync(done) || readFileSync(done, "utf8") !== wanted) {
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, "package.json"), wanted);
    const quiet = ["--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund", "--no-package-lock"];
    execFileSync("npm", ["install", ...quiet], { cwd: home, stdio: "pipe", timeout: 180_000 });
    writeFileSync(done, wanted);
  }
  const entry = join(home, "entry.mjs");
  writeFileSync(entry, 'export * from "@mastra/memory";\n');
  return (await import(pathToFileURL(entry).href)) as MemoryPackage;
}
