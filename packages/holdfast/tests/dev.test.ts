/** `holdfast dev`: a program that changes while it is called. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { after, before, test } from "node:test";
import { createClient } from "@holdfast/client";
import type { DevStatus } from "@holdfast/inspector-ui";
import { freePort } from "@holdfast/testing/free-port";
import { makeProject, type RunningDev, startDev, typeConfig, write } from "./dev-support.ts";
import { commandEach, holdfast } from "./support.ts";

/** A counter that adds `step`, with what `more` adds to its definition. */
const counter = (step: number, more = "") => `
import { actor, setup } from "holdfast";
import { label } from "./label.ts";

const counter = actor({
  state: { count: 0 },
  ${more}
  actions: {
    add: (c) => (c.state.count += ${step}),
    slow: async (c) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return (c.state.count += ${step});
    },
    label: () => label,
    log: (c) => c.log.warn("something is odd", { step: ${step} }),
    crash: () => void setImmediate(() => { throw new Error("the program is broken"); }),
  },
});

export const registry = setup({ use: { counter } });
`;

/** Refuses every count above 2, as a schema of a later version may. */
const refusal = `stateSchema: { "~standard": { version: 1, vendor: "test", validate: (value) =>
    value.count > 2 ? { issues: [{ message: "is above 2", path: ["count"] }] } : { value } } },`;

interface Counter {
  add(): Promise<number>;
  slow(): Promise<number>;
  label(): Promise<string>;
  log(): Promise<void>;
  crash(): Promise<void>;
}

const project = makeProject({
  "src/registry.ts": counter(1),
  "src/label.ts": 'export const label: string = "first";\n',
});
let dev: RunningDev;
let dispose: () => Promise<void>;
let counterOf: (key: string) => Counter;

before(async () => {
  dev = await startDev(project, ["--no-types"]);
  const client = createClient(dev.url) as unknown as {
    counter: { getOrCreate(key: string): Counter };
    dispose(): Promise<void>;
  };
  counterOf = (key) => client.counter.getOrCreate(key);
  dispose = () => client.dispose();
});
after(async () => {
  await dispose();
  assert.equal(await dev.stop(), 0);
});

const status = async () => (await (await fetch(`${dev.url}/inspector/status`)).json()) as DevStatus;

/** Saves a file and waits for the version that has it. */
async function save(name: string, text: string): Promise<void> {
  const version = dev.events.reduce((last, event) => (event.type === "serving" ? event.version : last), 0);
  write(project, name, text);
  await dev.next("serving", (event) => event.version > version);
}

test("a saved program wakes its actors with their state, and no call is lost", async () => {
  const calls: Promise<number>[] = [counterOf("a").slow()];
  let saved = 0;
  const calling = (async () => {
    while (saved < 2) {
      calls.push(counterOf("a").add());
      await calls.at(-1);
    }
  })();
  for (const step of [1, 1]) {
    await save("src/registry.ts", `${counter(step)}// ${saved}\n`);
    saved += 1;
  }
  await calling;
  const counts = await Promise.all(calls);
  assert.deepEqual(
    counts.toSorted((one, other) => one - other),
    counts.map((_, index) => index + 1),
  );
  await save("src/registry.ts", counter(100));
  assert.equal(await counterOf("a").add(), counts.length + 100);
});

test("a file that the program imports is watched, and the same text is no change", async () => {
  await save("src/label.ts", 'export const label: string = "second";\n');
  assert.equal(await counterOf("a").label(), "second");
  const { version } = await status();
  write(project, "src/label.ts", 'export const label: string = "second";\n');
  await save("src/label.ts", 'export const label: string = "third";\n');
  assert.equal((await status()).version, (version ?? 0) + 1);
});

test("what cannot be loaded changes nothing, says why, and is mended by the next save", async () => {
  write(project, "src/label.ts", "export const label: string = ;\n");
  const { problem, isServed } = await dev.next("failed");
  assert.equal(isServed, true);
  assert.match(problem.text, /label\.ts/);
  assert.match(problem.text, /SyntaxError|Expression expected/);
  assert.equal(await counterOf("a").label(), "third");
  const shown = await status();
  assert.equal(shown.problem?.text, problem.text);
  assert.notEqual(shown.version, undefined);

  write(project, "src/label.ts", 'export { label } from "./words.ts";\n');
  assert.match((await dev.next("failed")).problem.text, /words\.ts/);
  // The creation of a missing file is a change as well.
  await save("src/words.ts", 'export const label: string = "fourth";\n');
  assert.equal(await counterOf("a").label(), "fourth");
  assert.equal((await status()).problem, undefined);
});

test("a refused state stays as it was, and is shown where the actor is opened", async () => {
  const key = counterOf("refused");
  await save("src/registry.ts", counter(3));
  assert.equal(await key.add(), 3);
  await save("src/registry.ts", counter(3, refusal));
  const list = await (await fetch(`${dev.url}/actors?name=counter&prefix=refused`)).json();
  const { id } =
    (list as { actors: readonly { id: string }[] }).actors[0] ?? assert.fail("No actor is listed");
  const summary = await fetch(`${dev.url}/actors/counter/${id}/inspector/summary`);
  assert.equal(summary.status, 500);
  const error = (await summary.json()) as { code: string; detail: string };
  assert.equal(error.code, "invalid_state");
  assert.match(JSON.stringify(error), /is above 2/);
  await save("src/registry.ts", counter(1));
  assert.equal(await key.add(), 4);
});

test("what the program logs arrives as records", async () => {
  await counterOf("a").log();
  const { record } = await dev.next("log", (event) => event.record["message"] === "something is odd");
  assert.equal(record["level"], "warn");
  assert.equal(record["step"], 1);
});

test("a program that has ended refuses calls until it is saved", async () => {
  await counterOf("a").crash();
  const { problem, isServed } = await dev.next("failed");
  assert.equal(isServed, false);
  assert.match(problem.text, /the program is broken/);
  const refused = await fetch(`${dev.url}/health`);
  assert.equal(refused.status, 503);
  assert.equal(((await refused.json()) as { code: string }).code, "not_running");
  await save("src/registry.ts", `${counter(1)}\n`);
  assert.equal(await counterOf("refused").add(), 5);
});

test("the inspector is for this machine under its own names", async () => {
  const page = await fetch(`${dev.url}/inspector/counter/some-id`);
  assert.match(page.headers.get("content-type") ?? "", /text\/html/);
  assert.match(page.headers.get("content-security-policy") ?? "", /default-src 'none'/);
  const missing = await fetch(`${dev.url}/inspector/assets/nothing.js`);
  assert.equal(missing.status, 404);
  const { port } = new URL(dev.url);
  const { request } = await import("node:http");
  const rebound = request({ port, path: "/inspector/status", headers: { host: "attacker.example" } }).end();
  const [response] = await once(rebound, "response");
  assert.equal(response.statusCode, 403);
  response.resume();
});

test("types are checked beside the program, which runs all the same", async (t) => {
  const typed = makeProject({
    "actors.ts": 'import { setup } from "holdfast";\nexport const registry = setup({ use: {} });\n',
    "shape.ts": 'export const size: number = "wrong";\n',
    "tsconfig.json": typeConfig(["shape.ts"]),
  });
  const checked = await startDev(typed);
  t.after(() => checked.stop());
  const { problems } = await checked.next("types");
  assert.deepEqual(
    problems.map(({ file, line, code }) => ({ file, line, code })),
    [{ file: "shape.ts", line: 1, code: "TS2322" }],
  );
  // A file of the types that the program does not load.
  write(typed, "shape.ts", "export const size: number = 1;\n");
  await checked.next("types", (event) => event.problems.length === 0);
});

test("a server of the program itself keeps its port", async (t) => {
  const port = await freePort();
  const own = (answer: string) => `
import { createServer } from "node:http";
import { setup } from "holdfast";
export const registry = setup({ use: {} });
createServer((_request, response) => response.end("${answer}")).listen(${port}, "127.0.0.1");
`;
  const served = makeProject({ "server.ts": own("one") });
  const running = await startDev(served, ["server.ts", "--no-types"]);
  t.after(() => running.stop());
  await running.next("serving");
  assert.equal(await (await fetch(`http://127.0.0.1:${port}`)).text(), "one");
  write(served, "server.ts", own("two"));
  await running.next("serving");
  assert.equal(await (await fetch(`http://127.0.0.1:${port}`)).text(), "two");
});

test("a taken port, a missing file and a program without a registry are said plainly", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const address = taken.address();
  assert.ok(typeof address === "object" && address !== null);
  const inUse = await holdfast(["dev", "--port", String(address.port)], { cwd: project });
  assert.equal(inUse.code, 1);
  assert.match(
    inUse.stderr,
    /Port \d+ is in use by another process\. Stop it, or choose another one with --port/,
  );
  taken.close();

  const [missing, nothing] = await commandEach(
    [
      ["dev", "src/registri.ts"],
      ["dev", "one.ts", "two.ts"],
    ],
    {
      cwd: project,
    },
  );
  assert.match(
    missing?.stderr ?? "",
    /There is no file src\/registri\.ts\. Did you mean src\/registry\.ts\?/,
  );
  assert.equal(nothing?.code, 2);

  const empty = makeProject({ "index.ts": "export const nothing = 1;\n" });
  const running = await startDev(empty, ["--no-types"]);
  const { problem } = await running.next("failed");
  assert.match(problem.title, /creates no registry/);
  assert.equal(await running.stop(), 0);
});
