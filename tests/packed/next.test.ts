import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { promisify } from "node:util";
import { createClient } from "@holdfast/client";
import { freePort } from "@holdfast/testing/free-port";
import { chromium } from "playwright-core";
import type { registry } from "../../examples/next-js/actors.ts";
import { installNextExample, nextEnvironment, nextProgram } from "./support/installed.ts";

const executablePath = process.env["HOLDFAST_CHROMIUM"] ?? "/usr/bin/chromium";
const skip = existsSync(executablePath) ? false : "needs chromium";

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
  skip,
  timeout: 400_000,
}, async (t) => {
  const app = await installNextExample("next-js");
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

  const browser = await chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic"],
  });
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
});
