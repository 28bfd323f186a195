import { mkdir, mkdtemp, realpath, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSandboxServer } from "@holdfast/sandbox";
import { compileCache } from "@holdfast/testing/own-imports";
import { removeAtExit } from "@holdfast/testing/scratch";
import type { AgentSandbox } from "../src/index.ts";

/** A sandbox server of this process for the whole file, with a project that has a README. */
export async function startSandbox(): Promise<{
  sandbox: AgentSandbox;
  cwd: string;
  close(): Promise<void>;
}> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), "holdfast-agent-")));
  removeAtExit(directory);
  const [home, cwd] = [join(directory, "home"), join(directory, "work")];
  await Promise.all([home, cwd].map((path) => mkdir(path, { mode: 0o700 })));
  await writeFile(join(cwd, "README.md"), "# Sample\n");
  const server = await createSandboxServer({
    listen: { host: "127.0.0.1", port: 0 },
    ...{ home, cwd },
    env: { ...compileCache, HOLDFAST_DEMO_PACE_MS: "1" },
  });
  const { url: baseUrl = "", token = "" } = server;
  return { sandbox: { baseUrl, token }, cwd, close: () => server.close() };
}

/** Resolves with the first value that a listener is given and that fits. */
export function firstOf<T>(
  listen: (listener: (value: T) => void) => () => void,
  fits: (value: T) => boolean = () => true,
): Promise<T> {
  return new Promise((resolve) => {
    const stop = listen((value) => {
      if (!fits(value)) return;
      queueMicrotask(() => stop());
      resolve(value);
    });
  });
}
