/** What the checks of `holdfast doctor` ask about a machine, and this machine's answers. */
import { accessSync, constants, readFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { delimiter, dirname, join } from "node:path";

/** What a port on the loopback address is used for. */
export type PortUse = "free" | "holdfast" | "other";

export interface Machine {
  readonly platform: NodeJS.Platform;
  /** `process.version` of the Node that runs the command. */
  readonly node: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Text of `/proc/version`; undefined where there is none. */
  readonly kernel: string | undefined;
  hasProgram(name: string): boolean;
  portUse(port: number): Promise<PortUse>;
  /** Magic number of the file system (statfs(2)) of a path or its nearest existing parent; Linux only. */
  fileSystemOf(path: string): Promise<number | undefined>;
}

export function thisMachine(): Machine {
  const { platform } = process;
  return {
    platform,
    node: process.version,
    environment: process.env,
    kernel: platform === "linux" ? readFileSync("/proc/version", "utf8") : undefined,
    hasProgram,
    portUse,
    fileSystemOf: async (path) => (platform === "linux" ? fileSystemOf(path) : undefined),
  };
}

function hasProgram(name: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

async function portUse(port: number): Promise<PortUse> {
  const server = createServer();
  const listened = Promise.withResolvers<boolean>();
  server.once("error", () => listened.resolve(false));
  server.listen(port, "127.0.0.1", () => listened.resolve(true));
  if (await listened.promise) {
    await new Promise((resolve) => server.close(resolve));
    return "free";
  }
  try {
    const signal = AbortSignal.timeout(2_000);
    const answer = await fetch(`http://127.0.0.1:${port}/health`, { signal });
    const { runtime } = (await answer.json()) as { readonly runtime?: unknown };
    return runtime === "holdfast" ? "holdfast" : "other";
  } catch {
    // Whatever does not answer like a server of Holdfast is another program.
    return "other";
  }
}

async function fileSystemOf(path: string): Promise<number | undefined> {
  try {
    return (await statfs(path)).type;
  } catch {
    return dirname(path) === path ? undefined : fileSystemOf(dirname(path));
  }
}
