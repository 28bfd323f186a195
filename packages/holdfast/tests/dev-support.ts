/** Projects in folders of their own, run by a real `holdfast dev`. */
import type { ChildProcess } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { DevEvent } from "../src/cli/dev/report.ts";
import { scratch, start } from "./support.ts";

const holdfast = join(import.meta.dirname, "..");
const typescript = dirname(fileURLToPath(import.meta.resolve("typescript/package.json")));

/** A tsconfig.json for files that import nothing, as sources in place of declarations take seconds to check. */
export function typeConfig(files: readonly string[]): string {
  const compilerOptions = { strict: true, module: "nodenext", noEmit: true, types: [] };
  return JSON.stringify({ compilerOptions, files });
}

/** A folder with `holdfast` and the given files. */
export function makeProject(files: Readonly<Record<string, string>>): string {
  const project = scratch();
  mkdirSync(join(project, "node_modules", "@types"), { recursive: true });
  symlinkSync(holdfast, join(project, "node_modules", "holdfast"));
  symlinkSync(typescript, join(project, "node_modules", "typescript"));
  write(project, "package.json", JSON.stringify({ name: "project", type: "module" }));
  for (const [name, text] of Object.entries(files)) write(project, name, text);
  return project;
}

export function write(project: string, name: string, text: string): void {
  mkdirSync(dirname(join(project, name)), { recursive: true });
  writeFileSync(join(project, name), text);
}

type Of<Type extends DevEvent["type"]> = Extract<DevEvent, { readonly type: Type }>;

export interface RunningDev {
  readonly url: string;
  readonly process: ChildProcess;
  readonly events: readonly DevEvent[];
  /** The next event of a type that no earlier call has returned, with what the test looks for. */
  next<Type extends DevEvent["type"]>(type: Type, test?: (event: Of<Type>) => boolean): Promise<Of<Type>>;
  /** Sends SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** Runs `holdfast dev --json` on a free port, and waits until it is ready. */
export async function startDev(project: string, args: readonly string[] = []): Promise<RunningDev> {
  const child = start(["dev", "--json", "--port", "0", ...args], {
    cwd: project,
    env: { HOLDFAST_DATA: join(project, ".holdfast") },
  });
  const events: DevEvent[] = [];
  const seen = new Set<DevEvent>();
  let changed = Promise.withResolvers<void>();
  let ended: number | null | undefined;
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
  });
  const closed = new Promise<number | null>((resolve) =>
    child.on("close", (code) => {
      ended = code;
      changed.resolve();
      resolve(code);
    }),
  );
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on("line", (line) => {
      events.push(JSON.parse(line) as DevEvent);
      changed.resolve();
      changed = Promise.withResolvers();
    });
  }
  const next: RunningDev["next"] = async (type, test = () => true) => {
    for (;;) {
      const found = events.find((event) => event.type === type && !seen.has(event) && test(event as never));
      if (found !== undefined) {
        seen.add(found);
        return found as never;
      }
      if (ended !== undefined) {
        throw new Error(`holdfast dev ended with ${ended}: ${stderr}\n${JSON.stringify(events, null, 1)}`);
      }
      await changed.promise;
    }
  };
  const { url } = await next("ready");
  return {
    ...{ url, process: child, events, next },
    stop() {
      child.kill("SIGTERM");
      return closed;
    },
  };
}
