import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { createClient } from "@holdfast/client";
import { launchChromium, missingChromium } from "@holdfast/testing/chromium";
import { freePort } from "@holdfast/testing/free-port";
import { startPostgres } from "@holdfast/testing/postgres";
import { setup } from "holdfast";
import type { registry } from "../../examples/next-js/actors.ts";
import { installNextExample, nextEnvironment, nextProgram } from "./support/installed.ts";

/** Resolves when the server says that it is ready. */
async function ready(server: ChildProcess): Promise<void> {
  const lines: string[] = [];
  assert.ok(server.stdout !== null);
  for await (const line of createInterface({ input: server.stdout })) {
    lines.push(line);
    if (line.includes("Ready in")) return;
  }
  assert.fail(`Next.js ended:\n${lines.join("\n")}`);
}

test("Next.js: a route handler, a server component and a live page", {
  skip: missingChromium,
  timeout: 600_000,
}, async (t) => {
  const app = await installNextExample("next-js", ["@holdfast/store-postgres"]);
  t.after(() => rmSync(app, { recursive: true, force: true, maxRetries: 3 }));
  const next = nextProgram(app);
  const data = mkdtempSync(join(tmpdir(), "holdfast-next-"));
  const [webPort, livePort] = [await freePort(), await freePort()];
  const env = nextEnvironment(data, livePort);
  await promisify(execFile)(process.execPath, [next, "build"], { cwd: app, env, timeout: 300_000 }).catch(
    (error: { stdout: string; stderr: string }) => assert.fail(`${error.stdout}\n${error.stderr}`),
  );

  const server = spawn(process.execPath, [next, "start", "-H", "127.0.0.1", "-p", String(webPort)], {
    cwd: app,
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(async () => {
    if (server.exitCode === null && server.signalCode === null) {
      server.kill("SIGKILL");
      await once(server, "exit");
    }
    rmSync(data, { recursive: true, force: true, maxRetries: 3 });
  });
  await ready(server);
  server.stdout?.resume();

  const url = `http://127.0.0.1:${webPort}`;
  const client = createClient<typeof registry>(`${url}/api/holdfast`);
  t.after(() => client.dispose());
  await client.guestBook.getOrCreate(["home"]).sign("Ann");
  const html = await (await fetch(url)).text();
  assert.match(html, /<li>Ann<\/li>/);

  const browser = await launchChromium();
  t.after(() => browser.close());
  const [one, other] = [await browser.newPage(), await browser.newPage()];
  for (const page of [one, other]) {
    await page.goto(url);
    await page.getByText("Ann").waitFor();
    await page.getByRole("status").getByText("connected", { exact: true }).waitFor();
  }
  await one.getByLabel("Your name").fill("Bob");
  await one.getByRole("button", { name: "Sign" }).click();
  await other.getByText("Bob").waitFor();
  await one.getByText("Bob").waitFor();
  const entries = await client.guestBook.get(["home"]).entries();
  assert.deepEqual(
    entries.map((entry) => entry.name),
    ["Ann", "Bob"],
  );
  await t.test("as a serverless node", (serverless) => runServerless(serverless, app, next));
});

/** The same application is started by a node when an actor is called, and leaves when it is idle. */
async function runServerless(t: TestContext, app: string, next: string): Promise<void> {
  // Closed in the opposite order: nodes leave their database before it stops.
  const opened = new AsyncDisposableStack();
  t.after(() => opened.disposeAsync());
  const database = await startPostgres();
  opened.defer(() => database.stop());
  const [port, data] = [await freePort(), mkdtempSync(join(tmpdir(), "holdfast-next-"))];
  const common = { store: database.url, noWelcome: true, shutdown: { disableSignalHandlers: true } };
  const secret = "the secret of the Next.js test";
  const url = `http://127.0.0.1:${port}`;
  const hub = setup({
    ...{ use: {}, dataDirectory: mkdtempSync(join(data, "hub-")), httpPort: 0, ...common },
    cluster: {
      ...{ advertise: "http://127.0.0.1:0", secret, weight: 0 },
      serverlessPools: [{ url: `${url}/api/holdfast`, lifespanMs: 60_000, graceMs: 58_000 }],
    },
  });
  opened.defer(async () => {
    await hub.shutdown();
    rmSync(data, { recursive: true, force: true, maxRetries: 3 });
  });
  const { url: endpoint } = await hub.start();
  const env = {
    ...nextEnvironment(mkdtempSync(join(data, "next-")), 0),
    ...{ HOLDFAST_STORE: database.url, HOLDFAST_CLUSTER_SECRET: secret, HOLDFAST_SERVERLESS: "1" },
  };
  const server = spawn(process.execPath, [next, "start", "-H", "127.0.0.1", "-p", String(port)], {
    ...{ cwd: app, env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  opened.defer(async () => {
    server.kill("SIGKILL");
    await once(server, "exit");
  });
  await ready(server);
  server.stdout?.resume();
  const client = createClient<typeof registry>(endpoint);
  opened.defer(() => client.dispose());
  await client.guestBook.getOrCreate(["home"]).sign("Ann");
  // Its lifespan ends two seconds after its start, and the next call starts it again.
  const { nodes } = hub;
  assert.ok(nodes !== undefined);
  while (nodes.others.length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  await client.guestBook.getOrCreate(["home"]).sign("Bob");
  // A page of the application reaches the actor in the same process.
  const html = await (await fetch(url)).text();
  assert.match(html, /<li>Ann<\/li>/);
  assert.match(html, /<li>Bob<\/li>/);
}
