import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { type Client, createClient } from "@holdfast/client";
import { ownImports } from "@holdfast/testing/own-imports";
import { removeAtExit } from "@holdfast/testing/scratch";
import type { registry } from "./program.ts";

/** A directory that is removed when the process of the test ends. */
export function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-machine-"));
  removeAtExit(directory);
  return directory;
}

export interface Program {
  readonly client: Client<typeof registry>;
  readonly child: ChildProcess;
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
  /** Ends it with SIGTERM: its actors go to sleep. */
  stop(): Promise<void>;
}

/** Starts the program with machines. It is killed when the test ends. */
export async function startProgram(
  t: TestContext,
  directory: string,
  intervalMs = 60_000,
  spares = 0,
): Promise<Program> {
  const path = join(import.meta.dirname, "program.ts");
  const child = spawn(
    process.execPath,
    [...ownImports, path, directory, String(intervalMs), String(spares)],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const exited = once(child, "exit");
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await exited;
  };
  t.after(() => end("SIGKILL"));
  const [url] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const client = createClient<typeof registry>(url);
  t.after(() => client.dispose());
  return { client, child, kill: () => end("SIGKILL"), stop: () => end("SIGTERM") };
}

export function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
