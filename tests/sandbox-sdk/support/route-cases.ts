import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ProcessInfo, ProcessLogEntry, ProcessTerminalSession } from "@holdfast/sandbox-client";
import { decode, first, refused, type World } from "./world.ts";

type Case = (world: World) => Promise<void>;

async function started(world: World, args: string[], tty = false): Promise<ProcessInfo> {
  const process = await world.client.createProcess({ command: "/bin/sh", args: ["-c", ...args], tty });
  world.after(async () => {
    await world.client.killProcess(process.id).catch(() => {});
    await world.client.deleteProcess(process.id).catch(() => {});
  });
  return process;
}

async function terminal(world: World, script: string): Promise<ProcessTerminalSession> {
  const process = await started(world, [script], true);
  const session = world.client.connectProcessTerminal(process.id);
  world.after(async () => session.close());
  return session;
}

export const routeCases: Readonly<Record<string, Case>> = {
  "SandboxAgent.getHealth": async ({ client }) =>
    assert.deepEqual(await client.getHealth(), { status: "ok" }),
  "SandboxAgent.listAgents": async ({ client }) => {
    const { agents } = await client.listAgents();
    const ids = agents.map(({ id }) => id);
    for (const id of ["claude", "codex", "opencode", "amp", "pi", "cursor", "mock", "demo"])
      assert.ok(ids.includes(id), `${id} is not in ${ids}`);
    const demo = agents.find(({ id }) => id === "demo");
    assert.equal(demo?.installed, true);
    assert.equal(Object.keys(demo?.capabilities ?? {}).length, 18);
  },
  "SandboxAgent.getAgent": async ({ sdk, client }) => {
    const demo = await client.getAgent("demo", { config: true });
    assert.equal(demo.id, "demo");
    assert.equal(typeof demo.version, "string");
    await refused(sdk, client.getAgent("nobody"), 400);
  },
  "SandboxAgent.installAgent": async ({ sdk, client }) => {
    const installed = await client.installAgent("demo", {});
    assert.deepEqual(installed, { already_installed: true, artifacts: [] });
    await refused(sdk, client.installAgent("nobody", {}), 400);
  },
  "SandboxAgent.listAcpServers": async ({ client, session }) => {
    const { agentSessionId: _id } = await session();
    const { servers } = await client.listAcpServers();
    assert.ok(
      servers.some(({ agent, serverId }) => agent === "optioned" && serverId.startsWith("sdk-optioned-")),
    );
  },
  "SandboxAgent.listFsEntries": async ({ sdk, client, directory }) => {
    await writeFile(join(directory, "a.txt"), "12345");
    const [entry, ...others] = await client.listFsEntries({ path: directory });
    assert.deepEqual(others, []);
    assert.equal(entry?.name, "a.txt");
    assert.equal(entry?.entryType, "file");
    assert.equal(entry?.size, 5);
    assert.equal(entry?.path, join(directory, "a.txt"));
    await refused(sdk, client.listFsEntries({ path: join(directory, "none") }), 400);
  },
  "SandboxAgent.readFsFile": async ({ sdk, client, directory }) => {
    const bytes = Uint8Array.from({ length: 100_000 }, (_value, index) => index % 256);
    await writeFile(join(directory, "bytes"), bytes);
    assert.deepEqual(
      Buffer.from(await client.readFsFile({ path: join(directory, "bytes") })),
      Buffer.from(bytes),
    );
    await refused(sdk, client.readFsFile({ path: directory }), 400);
  },
  "SandboxAgent.writeFsFile": async ({ client, directory }) => {
    const path = join(directory, "deep", "er", "file.txt");
    const written = await client.writeFsFile({ path }, "Grüße");
    assert.deepEqual({ ...written, path, bytesWritten: 7 }, written);
    assert.equal(await readFile(path, "utf8"), "Grüße");
    // More than the peer's bound of 2 MiB.
    const large = new Uint8Array(3 * 1_048_576).fill(7);
    assert.equal((await client.writeFsFile({ path }, large)).bytesWritten, large.length);
  },
  "SandboxAgent.deleteFsEntry": async ({ sdk, client, directory }) => {
    const path = join(directory, "full");
    await mkdir(join(path, "inner"), { recursive: true });
    await refused(sdk, client.deleteFsEntry({ path }), 502);
    assert.deepEqual(await client.deleteFsEntry({ path, recursive: true }), { path });
    await refused(sdk, client.statFs({ path }), 400);
  },
  "SandboxAgent.mkdirFs": async ({ client, directory }) => {
    const path = join(directory, "x", "y");
    assert.deepEqual(await client.mkdirFs({ path }), { path });
    assert.deepEqual(await client.mkdirFs({ path }), { path });
    assert.equal((await client.statFs({ path })).entryType, "directory");
  },
  "SandboxAgent.moveFs": async ({ sdk, client, directory }) => {
    const [from, to] = [join(directory, "from"), join(directory, "new", "to")];
    await writeFile(from, "moved");
    assert.deepEqual(await client.moveFs({ from, to }), { from, to });
    assert.equal(await readFile(to, "utf8"), "moved");
    await writeFile(from, "other");
    await refused(sdk, client.moveFs({ from, to }), 400);
    await client.moveFs({ from, to, overwrite: true });
    assert.equal(await readFile(to, "utf8"), "other");
  },
  "SandboxAgent.statFs": async ({ client, directory }) => {
    await writeFile(join(directory, "a"), "123");
    const stat = await client.statFs({ path: join(directory, "a") });
    assert.equal(stat.size, 3);
    assert.equal(stat.entryType, "file");
    assert.ok(Number.isFinite(Date.parse(stat.modified ?? "")));
  },
  "SandboxAgent.uploadFsBatch": async ({ client, directory }) => {
    const source = join(directory, "source");
    await mkdir(join(source, "inner"), { recursive: true });
    await writeFile(join(source, "inner", "run.sh"), "#!/bin/sh\n");
    await chmod(join(source, "inner", "run.sh"), 0o755);
    const tar = execFileSync("tar", ["-C", source, "-cf", "-", "inner"]);
    const path = join(directory, "target");
    const answer = await client.uploadFsBatch(new Uint8Array(tar), { path });
    assert.equal(answer.truncated, false);
    assert.ok(
      answer.paths.some((name) => name.endsWith("run.sh")),
      answer.paths.join(),
    );
    assert.equal(await readFile(join(path, "inner", "run.sh"), "utf8"), "#!/bin/sh\n");
  },
  "SandboxAgent.setMcpConfig": async (world) => await mcp(world),
  "SandboxAgent.getMcpConfig": async (world) => await mcp(world),
  "SandboxAgent.deleteMcpConfig": async (world) => await mcp(world),
  "SandboxAgent.setSkillsConfig": async (world) => await skills(world),
  "SandboxAgent.getSkillsConfig": async (world) => await skills(world),
  "SandboxAgent.deleteSkillsConfig": async (world) => await skills(world),
  "SandboxAgent.getProcessConfig": async ({ client }) => {
    const config = await client.getProcessConfig();
    assert.deepEqual(Object.keys(config).sort(), [
      "defaultRunTimeoutMs",
      "maxConcurrentProcesses",
      "maxInputBytesPerRequest",
      "maxLogBytesPerProcess",
      "maxOutputBytes",
      "maxRunTimeoutMs",
    ]);
  },
  "SandboxAgent.setProcessConfig": async ({ sdk, client }) => {
    const before = await client.getProcessConfig();
    const changed = await client.setProcessConfig({ ...before, maxConcurrentProcesses: 63 });
    assert.equal(changed.maxConcurrentProcesses, 63);
    await refused(sdk, client.setProcessConfig({ ...before, maxConcurrentProcesses: 0 }), 400);
    assert.deepEqual(await client.setProcessConfig(before), before);
  },
  "SandboxAgent.createProcess": async (world) => {
    const process = await started(world, ["sleep 60"]);
    assert.match(process.id, /^proc_\d+$/);
    assert.equal(process.status, "running");
    assert.equal(process.owner, "user");
    assert.equal(typeof process.pid, "number");
  },
  "SandboxAgent.runProcess": async ({ sdk, client, directory }) => {
    const result = await client.runProcess({
      command: "/bin/sh",
      args: ["-c", "echo out; echo err >&2; pwd; exit 3"],
      cwd: directory,
    });
    assert.equal(result.exitCode, 3);
    assert.equal(result.stdout, `out\n${directory}\n`);
    assert.equal(result.stderr, "err\n");
    assert.equal(result.timedOut, false);
    await refused(sdk, client.runProcess({ command: "/no/such/program" }), 502);
  },
  "SandboxAgent.listProcesses": async (world) => {
    const { id } = await started(world, ["sleep 60"]);
    const listed = await world.client.listProcesses({ owner: "user" });
    assert.ok(listed.processes.some((process) => process.id === id));
    const system = await world.client.listProcesses({ owner: "system" });
    assert.deepEqual(system.processes, []);
  },
  "SandboxAgent.getProcess": async (world) => {
    const { id } = await started(world, ["sleep 60"]);
    assert.equal((await world.client.getProcess(id)).id, id);
    await refused(world.sdk, world.client.getProcess("proc_999999"), 404);
  },
  "SandboxAgent.stopProcess": async (world) => {
    const { id } = await started(world, ["exec sleep 60"]);
    assert.equal((await world.client.stopProcess(id, { waitMs: 10_000 })).status, "exited");
  },
  "SandboxAgent.killProcess": async (world) => {
    const { id } = await started(world, ["trap '' TERM; sleep 60"]);
    assert.equal((await world.client.killProcess(id, { waitMs: 10_000 })).status, "exited");
  },
  "SandboxAgent.deleteProcess": async (world) => {
    const { id } = await started(world, ["exec sleep 60"]);
    await refused(world.sdk, world.client.deleteProcess(id), 409);
    await world.client.killProcess(id, { waitMs: 10_000 });
    await world.client.deleteProcess(id);
    await refused(world.sdk, world.client.getProcess(id), 404);
  },
  "SandboxAgent.getProcessLogs": async (world) => {
    const { id } = await started(world, ["read line; echo got $line"]);
    await world.client.sendProcessInput(id, { data: "owl\n", encoding: "utf8" });
    await seen(world, id, /got owl/);
    const logs = await world.client.getProcessLogs(id, { stream: "stdout", tail: 1 });
    assert.equal(logs.processId, id);
    assert.equal(logs.stream, "stdout");
    const [entry] = logs.entries;
    assert.equal(entry?.encoding, "base64");
    assert.equal(decode(entry?.data ?? ""), "got owl\n");
    const later = await world.client.getProcessLogs(id, { since: entry?.sequence ?? 0 });
    assert.deepEqual(later.entries, []);
  },
  "SandboxAgent.followProcessLogs": async (world) => {
    const { id } = await started(world, ["echo one; read line; echo two; exec sleep 60"]);
    const entries: ProcessLogEntry[] = [];
    let subscription: { close(): void; closed: Promise<void> } | undefined;
    const both = new Promise<void>((resolve, reject) => {
      world.client
        .followProcessLogs(id, (entry) => {
          entries.push(entry);
          if (
            entries
              .map(({ data }) => decode(data))
              .join("")
              .includes("two")
          )
            resolve();
        })
        .then((made) => {
          subscription = made;
        }, reject);
    });
    await world.client.sendProcessInput(id, { data: Buffer.from("go\n").toString("base64") });
    await both;
    subscription?.close();
    await subscription?.closed;
    assert.equal(entries.map(({ data }) => decode(data)).join(""), "one\ntwo\n");
  },
  "SandboxAgent.sendProcessInput": async (world) => {
    const { id } = await started(world, ["cat"]);
    const sent = await world.client.sendProcessInput(id, { data: "hello\n", encoding: "text" });
    assert.deepEqual(sent, { bytesWritten: 6 });
    await seen(world, id, /hello/);
    const large = Buffer.alloc(65_537).toString("base64");
    await refused(world.sdk, world.client.sendProcessInput(id, { data: large }), 413);
  },
  "SandboxAgent.resizeProcessTerminal": async (world) => {
    const { id } = await started(world, ["exec sleep 60"], true);
    const size = { cols: 100, rows: 30 };
    assert.deepEqual(await world.client.resizeProcessTerminal(id, size), size);
    const plain = await started(world, ["exec sleep 60"]);
    await refused(world.sdk, world.client.resizeProcessTerminal(plain.id, size), 409);
  },
  "SandboxAgent.buildProcessTerminalWebSocketUrl": async ({ client, server }) => {
    const url = new URL(client.buildProcessTerminalWebSocketUrl("proc_1"));
    assert.equal(url.protocol, "ws:");
    assert.equal(url.pathname, "/v1/processes/proc_1/terminal/ws");
    assert.equal(url.searchParams.get("access_token"), server.token);
  },
  "SandboxAgent.connectProcessTerminalWebSocket": async (world) => {
    const { id } = await started(world, ["exec cat"], true);
    const socket = world.client.connectProcessTerminalWebSocket(id);
    world.after(async () => socket.close());
    const message = await new Promise<string>((resolve, reject) => {
      socket.addEventListener("message", ({ data }) => typeof data === "string" && resolve(data));
      socket.addEventListener("error", () => reject(new Error("the terminal was not reached")));
    });
    const ready: object = JSON.parse(message);
    assert.deepEqual({ ...ready, type: "ready", processId: id }, ready);
  },
  "SandboxAgent.connectProcessTerminal": async (world) => await talks(world),
  "ProcessTerminalSession.onReady": async (world) => await talks(world),
  "ProcessTerminalSession.onData": async (world) => await talks(world),
  "ProcessTerminalSession.sendInput": async (world) => await talks(world),
  "ProcessTerminalSession.resize": async (world) => {
    const session = await terminal(world, "stty size; read line; stty size; exec sleep 60");
    const shown = output(session);
    await shown(/24 80/);
    session.resize({ cols: 101, rows: 31 });
    session.sendInput("\n");
    await shown(/31 101/);
  },
  "ProcessTerminalSession.onExit": async (world) => {
    const session = await terminal(world, "read line; exit 5");
    const ready = first((listener: (value: unknown) => void) => session.onReady(listener));
    const exit = first<{ exitCode?: number | null }>((listener) => session.onExit(listener));
    await ready;
    session.sendInput("\n");
    assert.equal((await exit).exitCode, 5);
    await session.closed;
  },
  "ProcessTerminalSession.onError": async (world) => {
    const session = await terminal(world, "exec cat");
    await first((listener: (value: unknown) => void) => session.onReady(listener));
    const error = first((listener: (value: unknown) => void) => session.onError(listener));
    session.socket.send(JSON.stringify({ type: "nonsense" }));
    assert.equal(typeof Object(await error).message, "string");
  },
  "ProcessTerminalSession.onClose": async (world) => await closes(world),
  "ProcessTerminalSession.close": async (world) => await closes(world),
  "static buildInspectorUrl": async ({ sdk }) => {
    const headers = { "x-a": "b" };
    const url = new URL(sdk.buildInspectorUrl({ baseUrl: "http://h:1/", token: "t", headers }));
    assert.equal(url.pathname, "/ui/");
    assert.equal(url.searchParams.get("token"), "t");
    assert.deepEqual(JSON.parse(url.searchParams.get("headers") ?? ""), headers);
  },
};

async function mcp({ sdk, client, directory }: World): Promise<void> {
  const query = { directory, mcpName: "docs" };
  await refused(sdk, client.getMcpConfig(query), 404);
  const config = { type: "local" as const, command: "node", args: ["server.js"], env: { A: "b" } };
  await client.setMcpConfig(query, config);
  const read = await client.getMcpConfig(query);
  assert.deepEqual({ ...read }, { ...read, ...config });
  await client.deleteMcpConfig(query);
  await client.deleteMcpConfig(query);
  await refused(sdk, client.getMcpConfig(query), 404);
}

async function skills({ sdk, client, directory }: World): Promise<void> {
  const query = { directory, skillName: "review" };
  await refused(sdk, client.getSkillsConfig(query), 404);
  const config = { sources: [{ type: "local", source: directory, skills: ["review"] }] };
  await client.setSkillsConfig(query, config);
  const [source] = (await client.getSkillsConfig(query)).sources;
  assert.deepEqual({ ...source }, { ...source, ...config.sources[0] });
  await client.deleteSkillsConfig(query);
  await refused(sdk, client.getSkillsConfig(query), 404);
}

/** Resolves when the output of a process has shown `pattern`. */
async function seen(world: World, id: string, pattern: RegExp): Promise<void> {
  let shown = "";
  let done = () => {};
  const found = new Promise<void>((resolve) => {
    done = resolve;
  });
  const subscription = await world.client.followProcessLogs(id, (entry) => {
    shown += decode(entry.data);
    if (pattern.test(shown)) done();
  });
  await found;
  subscription.close();
}

/** Waits for output of a terminal. */
function output(session: ProcessTerminalSession): (pattern: RegExp) => Promise<void> {
  let shown = "";
  const waiting = new Set<() => void>();
  session.onData((data) => {
    shown += decode(data);
    for (const look of waiting) look();
  });
  return (pattern) =>
    new Promise((resolve) => {
      const look = () => {
        if (!pattern.test(shown)) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
}

async function talks(world: World): Promise<void> {
  const session = await terminal(world, "stty -echo; echo set; read a; read b; echo $a-$b");
  const shown = output(session);
  const ready = first<{ processId: string }>((listener) => session.onReady(listener));
  assert.match((await ready).processId, /^proc_/);
  await shown(/set/);
  session.sendInput("one\n");
  session.sendInput(new TextEncoder().encode("zwölf\n"));
  await shown(/one-zwölf/);
}

async function closes(world: World): Promise<void> {
  const session = await terminal(world, "exec cat");
  const closed = new Promise<void>((resolve) => {
    session.onClose(resolve);
  });
  await first((listener: (value: unknown) => void) => session.onReady(listener));
  session.close();
  await Promise.all([closed, session.closed]);
}
