import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { scratch } from "./support.ts";

const command = resolve(import.meta.dirname, "..", "bin", "holdfast.js");
/** What the engine says of a function that one of its optimising compilers has begun with. */
const optimising = /^\[compiling method .*target (MAGLEV|TURBOFAN)/;
/**
 * How many requests it takes at most until this many functions are optimised: about 400, and none where the
 * compilers are not there. Which function is next to which, and which of them becomes part of its caller and
 * never has a line of its own, depends on the machine.
 */
const mostRequests = 3_000;
const enoughFunctions = 50;

test("a server starts without the optimising compilers, and has them for its first requests", async (t) => {
  const directory = scratch(t);
  const server = ["sandbox", "server", "--no-token", "--port", "0", "--json", "--home", directory];
  const child = spawn(process.execPath, ["--trace-opt", command, ...server], {
    cwd: directory,
    env: { ...process.env, XDG_CACHE_HOME: join(directory, "cache") },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  t.after(async () => {
    child.kill("SIGTERM");
    await exited;
  });
  const ready = Promise.withResolvers<string>();
  const early: string[] = [];
  const optimised: string[] = [];
  let isReady = false;
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith('{"event":"ready"')) {
      isReady = true;
      const { url } = JSON.parse(line) as { url: string };
      ready.resolve(url);
    } else if (optimising.test(line)) {
      (isReady ? optimised : early).push(line);
    }
  });
  const url = await ready.promise;
  // Without care it is about forty. Node has begun with one or two of its own before our first line.
  assert.ok(early.length < 5, early.join("\n"));

  for (let count = 0; optimised.length < enoughFunctions; count += 1) {
    assert.ok(count < mostRequests, `only these were optimised:\n${optimised.join("\n")}`);
    const answer = await fetch(`${url}/v1/health`);
    assert.deepEqual(await answer.json(), { status: "ok" });
  }
});
