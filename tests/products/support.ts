/** A product of `examples/products` as its users run it: its own process, which a test may kill. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { removeAtExit } from "@holdfast/testing/scratch";

const products = fileURLToPath(new URL("../../examples/products/", import.meta.url));

export interface ProductOptions {
  /** The folder in `examples/products`. */
  readonly name: string;
  /** `build` of its `build.ts`: writes the page into a folder. */
  readonly build: (publicDir: string) => Promise<void>;
  readonly env?: NodeJS.ProcessEnv;
}

export interface Product {
  readonly url: string;
  /** Its data, and its page in `public`. */
  readonly directory: string;
  /** Ends the process as a failure of the machine does. */
  kill(): Promise<void>;
  /** Starts it again with the same data and at the same address. */
  start(env?: NodeJS.ProcessEnv): Promise<void>;
}

/** Builds the page, and starts the program of the product. It is killed when the test ends. */
export async function startProduct(
  t: { after(end: () => Promise<void>): void },
  { name, build, env }: ProductOptions,
): Promise<Product> {
  const directory = mkdtempSync(join(tmpdir(), `holdfast-${name}-`));
  removeAtExit(directory);
  const publicDir = join(directory, "public");
  await build(publicDir);
  const common = { HOLDFAST_DATA: join(directory, "data"), HOLDFAST_PUBLIC_DIR: publicDir };
  let running: ChildProcess | undefined;
  const kill = async (): Promise<void> => {
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const ended = once(running, "exit");
    running.kill("SIGKILL");
    await ended;
  };
  const start = async (port: string, more: NodeJS.ProcessEnv): Promise<string> => {
    const program = spawn(process.execPath, [join(products, name, "server.ts")], {
      env: { ...process.env, ...common, HOLDFAST_PORT: port, ...more },
      stdio: ["ignore", "pipe", "inherit"],
    });
    running = program;
    for await (const line of createInterface({ input: program.stdout })) {
      const [url] = /http:\/\/\S+/.exec(line) ?? [];
      if (url === undefined) continue;
      program.stdout.resume();
      return url;
    }
    assert.fail(`${name} ended before it has said where it listens`);
  };
  t.after(kill);
  const url = await start("0", env ?? {});
  return {
    url,
    directory,
    kill,
    start: async (more = env ?? {}) => void (await start(new URL(url).port, more)),
  };
}
