import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { createGate, JailLayout } from "@holdfast/gate";
import { mountNativePackages } from "@holdfast/sandbox";
import { fetchOver, listenForDial } from "@holdfast/sandbox-client/node";
import { guestPrograms, loadGuestBundle } from "../src/jail/bundle.ts";
import type { GuestConfig } from "../src/jail/guest-config.ts";
import { jailPath, jailPaths } from "../src/jail/layout.ts";
import { needsJail, temporaryFolder } from "./support.ts";

type Call = (method: string, path: string, body?: unknown) => Promise<Response>;

/** A task's sandbox server in its own jail, with the mounts of a task. */
async function jailedServer(t: TestContext): Promise<Call> {
  const folder = temporaryFolder(t);
  const [workspace, home] = [join(folder, "workspace"), join(folder, "home")];
  for (const path of [workspace, home]) mkdirSync(path);
  const gate = await createGate({ dataDir: join(folder, "data") });
  t.after(() => gate.close());
  const dial = await listenForDial(join(folder, "c", "c.sock"));
  t.after(() => dial.close());
  const layout = new JailLayout(true);
  const bundle = await loadGuestBundle(join(folder, "guest"));
  const guest = layout.mount(bundle.directory, jailPaths.guest, "ro");
  const config: GuestConfig = {
    control: layout.mount(join(folder, "c", "c.sock"), jailPaths.control, "rw"),
    home: layout.mount(home, jailPaths.home, "rw"),
    workspace: layout.mount(workspace, jailPaths.workspace, "rw"),
    agentsDirectory: jailPaths.agents,
    demoEntry: join(guest, guestPrograms.demo),
    jailed: true,
    models: [],
    customAgents: [],
    commands: {},
    env: {},
  };
  const jail = await gate.jails.start({
    id: "terminal",
    command: layout.mount(process.execPath, jailPaths.node, "ro"),
    args: [join(guest, guestPrograms.guest), JSON.stringify(config)],
    cwd: config.workspace,
    env: { HOME: config.home, PATH: jailPath, ...mountNativePackages(layout, jailPaths.modules) },
    mounts: layout.mounts,
    network: "none",
  });
  t.after(() => jail.stop({ graceMs: 0 }));
  jail.stdout.resume();
  jail.stderr.resume();
  const ended = jail.exited.then(({ reason, detail }) => {
    throw new Error(`the jail ended: ${reason} ${detail ?? ""}`);
  });
  await Promise.race([dial.ready(30_000), ended]);
  ended.catch(() => {});
  const send = fetchOver(dial.agent);
  return (method, path, body) =>
    send(`http://jail${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
}

test("a program in a jail gets its own terminal", async (t) => {
  if (!needsJail(t)) return;
  const call = await jailedServer(t);
  const script = 'test -t 0 && test -t 1 && stty size && tty && echo "node path: $NODE_PATH"; read x; exit 5';
  const args = ["-c", script];
  const made = await call("POST", "/v1/processes", { command: "/bin/sh", args, tty: true });
  const process: unknown = await made.json();
  assert.equal(made.status, 200, JSON.stringify(process));
  assert.ok(typeof process === "object" && process !== null && "id" in process);
  const typed = await call("POST", `/v1/processes/${process.id}/input`, {
    data: "go on\n",
    encoding: "utf8",
  });
  assert.equal(typed.status, 200, await typed.text());
  // The stream ends with the process.
  const stream = await call("GET", `/v1/processes/${process.id}/logs?follow=true`);
  const output = (await stream.text())
    .split("\n")
    .filter((line) => line.startsWith("data: "))
    .map((line) => Buffer.from(JSON.parse(line.slice(6)).data ?? "", "base64").toString())
    .join("");
  // What was typed may be shown between them.
  for (const line of [/24 80\r\n/, /\/dev\/pts\/\d+\r\n/]) assert.match(output, line);
  // The server's library path must not leak to its processes.
  assert.match(output, /node path: \r\n/);
  const info: unknown = await (await call("GET", `/v1/processes/${process.id}`)).json();
  assert.ok(typeof info === "object" && info !== null && "exitCode" in info);
  assert.equal(info.exitCode, 5);
});

test("the binding is one read-only folder below a folder for modules", () => {
  const layout = new JailLayout(true);
  const { NODE_PATH } = mountNativePackages(layout, jailPaths.modules);
  const [mount] = layout.mounts;
  assert.equal(NODE_PATH, jailPaths.modules);
  assert.equal(mount?.mode, "ro");
  assert.equal(mount?.target.startsWith(`${jailPaths.modules}/@lydell/node-pty-`), true);
  const outside = new JailLayout(false);
  const direct = mountNativePackages(outside, jailPaths.modules);
  assert.equal(outside.mounts.length, 0);
  assert.equal(direct["NODE_PATH"], mount && dirname(dirname(mount.source)));
});
