/**
 * Hosts of mounts, and programs that use these. No process touches a mount that it serves, and the test none at all: it is
 * the other side, so it would wait for itself.
 */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import { ownImports } from "@holdfast/testing/own-imports";
import { removeOldMounts } from "../src/mount/old-mounts.ts";

const run = promisify(execFile);

export interface Host {
  /** What it printed: the path of its mount, or its address. */
  readonly said: string;
  readonly child: ChildProcess;
  /** Pids of the helpers that hold its mounts. */
  helpers(): number[];
  /** Ends its mounts, whatever waits for them, and itself. */
  kill(): Promise<void>;
}

/** Starts a program with a folder for its mounts. */
export async function startHost(program: string, mounts: string, args: readonly string[]): Promise<Host> {
  const path = join(import.meta.dirname, program);
  const child = spawn(process.execPath, [...ownImports, path, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const helpers = () => childrenOf(child.pid ?? 0).filter((pid) => nameOf(pid) === "perl");
  const host = {
    ...{ child, helpers },
    kill: async () => {
      for (const pid of helpers()) process.kill(pid, "SIGKILL");
      child.kill("SIGKILL");
      await exited;
      await removeOldMounts(mounts);
    },
  };
  try {
    const line = once(createInterface({ input: child.stdout }), "line") as Promise<[string]>;
    const ended = exited.then(([code]) => {
      throw new Error(`${program} ended with ${code}`);
    });
    const [said] = await Promise.race([line, ended]);
    ended.catch(() => {});
    return { ...host, said };
  } catch (error) {
    await host.kill();
    throw error;
  }
}

/** Runs a shell script in a folder, and gives its output with that for errors. */
export async function runIn(folder: string, script: string): Promise<string> {
  const { stdout } = await run("sh", ["-c", `cd "$0" && { ${script}\n} 2>&1`, folder], {
    ...{ timeout: 15_000, killSignal: "SIGKILL" },
    env: { ...process.env, LC_ALL: "C" },
  });
  return stdout;
}

/** Starts a program with one JavaScript function for each step; each call runs the next: its value, or number of error. */
export function startSteps(
  t: TestContext,
  folder: string,
  ...steps: readonly string[]
): () => Promise<string> {
  const code = `
    const fs = require("node:fs");
    const at = (name) => process.argv[1] + "/" + name;
    let file;
    const steps = [${steps.map((step) => `() => (${step})`).join()}];
    require("node:readline").createInterface({ input: process.stdin }).on("line", async () => {
      let said;
      try { said = await steps.shift()(); } catch (error) { said = error.errno; }
      console.log(String(said));
    });`;
  const child = spawn(process.execPath, ["-e", code, folder], { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async () => {
    child.stdin.write("\n");
    return (await lines.next()).value ?? "";
  };
}

function childrenOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return children === "" ? [] : children.split(" ").map(Number);
  } catch {
    // The process has ended.
    return [];
  }
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    // The process has ended.
    return "";
  }
}
