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
/** The function through which each request of a sandbox server goes. */
const ofRequests = /JSFunction #handle /;
/** It is optimised after about 500; after 10,000 where these come before the compilers are there. */
const mostRequests = 3_000;

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
  const optimised = Promise.withResolvers<void>();
  const early: string[] = [];
  let isReady = false;
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith('{"event":"ready"')) {
      isReady = true;
      const { url } = JSON.parse(line) as { url: string };
      ready.resolve(url);
    } else if (optimising.test(line)) {
      if (!isReady) early.push(line);
      else if (ofRequests.test(line)) optimised.resolve();
    }
  });
  const url = await ready.promise;
  // Without care it is about forty. Node has begun with one or two of its own before our first line.
  assert.ok(early.length < 5, early.join("\n"));

  let isOptimised = false;
  const waited = optimised.promise.then(() => {
    isOptimised = true;
  });
  for (let count = 0; !isOptimised; count += 1) {
    assert.ok(count < mostRequests, "what answers every request was not optimised");
    const answer = await fetch(`${url}/v1/health`);
    assert.deepEqual(await answer.json(), { status: "ok" });
  }
  await waited;
});
