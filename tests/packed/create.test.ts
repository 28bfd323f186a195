/**
 * Each template as a stranger has it: made by the packed `create-holdfast`, with the packed packages, type-checked,
 * tested, built, run, and looked at in a browser where it has a page.
 */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { createClient } from "@holdfast/client";
import { launchChromium, missingChromium } from "@holdfast/testing/chromium";
import { freePort } from "@holdfast/testing/free-port";
import type { Browser, Page } from "playwright-core";
import { isTemplate, templates } from "../../packages/create-holdfast/src/index.ts";
import { InstalledPackages } from "../../tools/pack/installed-packages.ts";
import { startRegistry } from "../../tools/pack/registry.ts";
import { assertAccessibleInThemes } from "../e2e/support/axe.ts";
import { assertFits, keepScreenshot } from "../e2e/support/pages.ts";
import { installHoldfast, nextEnvironment, nextProgram } from "./support/installed.ts";
import { packPackages } from "./support/packed-packages.ts";

const sources = join(import.meta.dirname, "..", "..", "packages", "create-holdfast", "templates");
const run = promisify(execFile);

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

let folder = "";
let browser: Browser | undefined;
const running: ChildProcess[] = [];

/** One install for all templates: of what each of them names. */
before(async () => {
  const manifests = templates.map(
    ({ name }) => JSON.parse(readFileSync(join(sources, name, "package.json"), "utf8")) as Manifest,
  );
  const names = (field: keyof Manifest) =>
    Object.assign({}, ...manifests.map((each) => each[field])) as Record<string, string>;
  const all = { ...names("devDependencies"), ...names("dependencies") };
  const isOurs = (name: string) => name === "holdfast" || name.startsWith("@holdfast/");
  const foreign = Object.fromEntries(Object.entries(all).filter(([name]) => !isOurs(name)));
  const ours = Object.keys(all).filter((name) => isOurs(name) && name !== "holdfast");
  const installed = await installHoldfast({ dependencies: foreign }, [...ours, "create-holdfast"]);
  await installed.registry[Symbol.asyncDispose]();
  folder = installed.folder;
  browser = missingChromium === false ? await launchChromium() : undefined;
});

after(async () => {
  await browser?.close();
  for (const child of running.splice(0)) await end(child);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  // npm leaves what it runs behind: the signal goes to its group, as that of a terminal does.
  if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
  await once(child, "exit");
}

const environment = {
  ...process.env,
  NO_COLOR: "1",
  NEXT_TELEMETRY_DISABLED: "1",
  npm_config_update_notifier: "false",
};

async function npm(project: string, ...args: string[]): Promise<string> {
  try {
    const { stdout } = await run("npm", args, { cwd: project, env: environment, timeout: 300_000 });
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return assert.fail(`npm ${args.join(" ")}: ${stdout}\n${stderr}`);
  }
}

/** Makes a project of a template, checks its types and runs its tests. */
async function make(name: string): Promise<string> {
  assert.ok(isTemplate(name));
  const program = join(folder, "node_modules", "create-holdfast", "bin", "create-holdfast.js");
  await run(process.execPath, [program, name, "--template", name, "--yes", "--no-install"], { cwd: folder });
  const project = join(folder, name);
  await npm(project, "run", "types");
  await npm(project, "test");
  return project;
}

/** Runs its `dev` script with `--json`, until it serves, and until what runs beside has said `beside`. */
async function dev(
  project: string,
  args: readonly string[] = [],
  beside?: RegExp,
): Promise<{ url: string; child: ChildProcess }> {
  const started = performance.now();
  const port = await freePort();
  const child = spawn(
    "npm",
    ["run", "dev", "--silent", "--", "--json", "--no-types", "--port", String(port), ...args],
    {
      cwd: project,
      env: environment,
      stdio: ["ignore", "pipe", "inherit"],
      detached: true,
    },
  );
  running.push(child);
  assert.ok(child.stdout !== null);
  const lines: string[] = [];
  let url: string | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    const event = line.startsWith("{") ? (JSON.parse(line) as DevLine) : undefined;
    if (event?.type === "ready") {
      url = event.url;
      const name = basename(project);
      const total = Math.round(performance.now() - started);
      console.log(`${name}: holdfast dev ready in ${event.ms} ms, with npm ${total} ms`);
    }
    if (url === undefined || (beside !== undefined && !lines.some((text) => beside.test(text)))) continue;
    child.stdout.resume();
    return { url, child };
  }
  return assert.fail(`holdfast dev ended:\n${lines.join("\n")}`);
}

/** What a project begins with. */
interface CounterClient {
  readonly counter: { getOrCreate(key: string): { add(by: number): Promise<number> } };
  dispose(): Promise<void>;
}

interface DevLine {
  readonly type: string;
  readonly url?: string;
  readonly ms: number;
}

async function open(url: string): Promise<Page> {
  assert.ok(browser !== undefined);
  const page = await browser.newPage();
  await page.goto(url);
  return page;
}

/** A page of a template is an example for others: for everyone, in both themes, and on a small screen. */
async function assertGoodPage(page: Page, name: string): Promise<void> {
  await assertAccessibleInThemes(page, name);
  await page.setViewportSize({ width: 320, height: 700 });
  await assertFits(page, name);
  await keepScreenshot(page, `template-${name}`);
}

test("a new project is made, installed without a network, and answers", async () => {
  const place = mkdtempSync(join(folder, "offline-"));
  const tarballs = join(place, "tarballs");
  mkdirSync(tarballs);
  await using registry = await startRegistry(await packPackages(), new InstalledPackages(tarballs));
  const started = performance.now();
  const program = join(folder, "node_modules", "create-holdfast", "bin", "create-holdfast.js");
  const { stdout } = await run(process.execPath, [program, "shop", "--template", "empty", "--yes"], {
    cwd: place,
    env: {
      ...environment,
      npm_config_registry: registry.url,
      npm_config_cache: join(place, "cache"),
      npm_config_userconfig: join(place, "npmrc"),
    },
  });
  assert.match(stdout, /Empty is in shop \(\d+\.\d s\)\. Next:\n\n.*cd shop\n.*npm run dev\n/);
  const project = join(place, "shop");
  const lock = readFileSync(join(project, "package-lock.json"), "utf8");
  for (const [, url = ""] of lock.matchAll(/"resolved": "([^"]+)"/g))
    assert.ok(url.startsWith(registry.url), url);
  const { url, child } = await dev(project);
  const client = createClient(url) as never as CounterClient;
  assert.equal(await client.counter.getOrCreate("visits").add(2), 2);
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  console.log(`from the command to the first answer: ${seconds} s`);
  await client.dispose();
  await end(child);
});

test("empty, and its inspector", async () => {
  const project = await make("empty");
  const { url, child } = await dev(project);
  const client = createClient(url) as never as CounterClient;
  assert.equal(await client.counter.getOrCreate("visits").add(2), 2);
  await client.dispose();
  if (browser !== undefined) {
    const page = await open(`${url}/inspector`);
    await page.getByRole("link", { name: /counter/ }).click();
    await page.getByRole("tabpanel").getByText("count").waitFor();
    await page.close();
  }
  await end(child);
});

test("api", async () => {
  const { url, child } = await dev(await make("api"));
  const added = await fetch(`${url}/notes/ann`, { method: "POST", body: '{"text":"Buy bread"}' });
  assert.deepEqual(await added.json(), { id: 1, text: "Buy bread" });
  await end(child);
});

test("realtime", { skip: missingChromium }, async () => {
  const project = await make("realtime");
  // With Vite beside: its page finds the actors at their own port.
  const webPort = await freePort();
  const vite = `vite --host 127.0.0.1 --port ${webPort} --strictPort`;
  const developing = await dev(project, ["--with", vite], /Local:/);
  const live = await open(`http://127.0.0.1:${webPort}`);
  await live.getByLabel("Your suggestion").fill("Bread");
  await live.getByRole("button", { name: "Suggest" }).click();
  await live.getByRole("button", { name: "Vote for Bread" }).waitFor();
  await live.close();
  await end(developing.child);
  await npm(project, "run", "build");
  const port = await freePort();
  const { url, child } = await start(project, port);
  const [one, other] = [await open(url), await open(url)];
  await one.getByLabel("Your suggestion").fill("Soup");
  await one.getByRole("button", { name: "Suggest" }).click();
  await other.getByRole("button", { name: "Vote for Soup" }).click();
  await one.getByRole("button", { name: "Vote for Soup" }).getByText("1").waitFor();
  await assertGoodPage(other, "realtime");
  await Promise.all([one.close(), other.close()]);
  await end(child);
});

test("chat", { skip: missingChromium }, async () => {
  const project = await make("chat");
  await npm(project, "run", "build");
  const { url, child } = await start(project, await freePort());
  const page = await open(url);
  await page.getByRole("button", { name: /Use the tool `order`/ }).click();
  await page.getByText('"status":"on its way"').waitFor();
  await page.getByLabel("Message").fill('Write "hello" to hello.txt');
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByRole("button", { name: "Allow" }).click();
  await page.getByText("Done.").waitFor();
  await assertGoodPage(page, "chat");
  assert.equal(readFileSync(join(project, "hello.txt"), "utf8"), "hello\n");
  await page.close();
  await end(child);
});

test("agents", async () => {
  const project = await make("agents");
  const { url, child } = await dev(project);
  const { stdout } = await run(process.execPath, ["src/work.ts"], {
    cwd: project,
    env: { ...environment, HOLDFAST_ENDPOINT: url },
  });
  assert.match(stdout, /Files: .*hello\.txt/);
  await end(child);
});

test("next", { skip: missingChromium, timeout: 300_000 }, async () => {
  const project = await make("next");
  const data = join(project, "data");
  mkdirSync(data);
  const env = nextEnvironment(data, await freePort());
  const program = nextProgram(folder);
  await run(process.execPath, [program, "build"], { cwd: project, env });
  const port = await freePort();
  const child = spawn(process.execPath, [program, "start", "-H", "127.0.0.1", "-p", String(port)], {
    ...{ cwd: project, env },
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  running.push(child);
  await said(child, /Ready in/);
  const [one, other] = [await open(`http://127.0.0.1:${port}`), await open(`http://127.0.0.1:${port}`)];
  await other.getByText("signatures appear in both").waitFor();
  await one.getByLabel("Your name").fill("Ann");
  await one.getByRole("button", { name: "Sign" }).click();
  await other.getByText("Ann").waitFor();
  await assertGoodPage(other, "next");
  await end(child);
});

/** Runs its `start` script, as in production. */
async function start(project: string, port: number): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(process.execPath, ["src/server.ts"], {
    cwd: project,
    env: {
      ...environment,
      HOLDFAST_PORT: String(port),
      PATH: `${join(folder, "node_modules", ".bin")}:${process.env["PATH"]}`,
    },
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  running.push(child);
  await said(child, /Listening on/);
  return { url: `http://127.0.0.1:${port}`, child };
}

async function said(child: ChildProcess, pattern: RegExp): Promise<void> {
  assert.ok(child.stdout !== null);
  for await (const line of createInterface({ input: child.stdout })) {
    if (!pattern.test(line)) continue;
    child.stdout.resume();
    return;
  }
  assert.fail(`The program ended before it said ${pattern}`);
}
