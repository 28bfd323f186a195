import assert from "node:assert/strict";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Program, scratch, startProgram, text } from "./support.ts";

const key = ["kept"];
const machine = ({ client }: Program) => client.vm.getOrCreate(key);
const folders = (directory: string) => readdirSync(join(directory, "machines", "disks"));

test("after SIGKILL of the host, everything that was written is there", async (t) => {
  const directory = scratch();
  const first = await startProgram(t, directory);
  const vm = machine(first);
  await vm.exec("mkdir -p kept && ln -s kept link && chmod 750 kept");
  const acknowledged: number[] = [];
  const killed = Promise.withResolvers<void>();
  const writing = (async () => {
    for (let index = 0; ; index += 1) {
      await vm.writeFile(`/workspace/${index}`, String(index));
      acknowledged.push(index);
      if (index === 20) first.kill().then(killed.resolve, killed.reject);
    }
  })();
  writing.catch(() => {});
  await killed.promise;
  assert.ok(acknowledged.length > 20);

  const second = await startProgram(t, directory);
  const found = await machine(second).readdir("/workspace");
  for (const index of acknowledged) assert.ok(found.includes(String(index)), String(index));
  const { stdout } = await machine(second).exec(
    "stat -c '%a %F' kept && readlink link && ls /proc | grep -c '^[0-9]'",
  );
  assert.match(stdout, /^750 directory\nkept\n/);
});

test("a host that has lost the folders starts from the last snapshot", async (t) => {
  const directory = scratch();
  const first = await startProgram(t, directory);
  const vm = machine(first);
  await vm.exec(
    "mkdir -p deep/er && echo small > deep/er/file && ln -s deep link && chmod 700 deep/er/file && " +
      "head -c 3000000 /dev/urandom > large && sha256sum large > sum && touch empty && mkfifo pipe && touch -d 2001-01-01 old",
  );
  const snapshot = await vm.snapshot();
  assert.equal(snapshot.files, 5);
  await vm.writeFile("later", "not in the snapshot");
  await first.kill();
  for (const name of folders(directory))
    rmSync(join(directory, "machines", "disks", name), { recursive: true });

  const second = await startProgram(t, directory);
  const { stdout } = await machine(second).exec(
    "cat deep/er/file && stat -c %a deep/er/file && readlink link && sha256sum -c sum && ls && date -r old +%Y",
  );
  assert.equal(stdout, "small\n700\ndeep\nlarge: OK\ndeep\nempty\nlarge\nlink\nold\nsum\n2001\n");
});

test("snapshots are taken while programs run, and what is no longer used is removed", async (t) => {
  const directory = scratch();
  const first = await startProgram(t, directory, 500);
  const vm = machine(first);
  const { takenAt } = await vm.snapshot();
  await vm.spawn("sh", [
    "-c",
    "for i in 1 2 3 4 5 6; do head -c 2000000 /dev/urandom > big; sleep 0.3; done; echo end > end; sleep 600",
  ]);
  const until = Date.now() + 30_000;
  let files: readonly string[] = [];
  while (!files.includes("end")) {
    assert.ok(Date.now() < until);
    files = await vm.readdir(".");
  }
  // Within the interval after the last change.
  for (let last = takenAt; ; ) {
    const { stdout } = await vm.exec("date +%s%3N -r end");
    last = (await vm.snapshot()).takenAt;
    if (last > Number(stdout)) break;
  }
  await first.kill();
  for (const name of folders(directory))
    rmSync(join(directory, "machines", "disks", name), { recursive: true });
  const second = await startProgram(t, directory);
  assert.equal(text(await machine(second).readFile("end")), "end\n");
  assert.equal((await machine(second).stat("big")).size, 2_000_000);
});

test("a machine that sleeps ends its programs and wakes with its files and sessions", async (t) => {
  const directory = scratch();
  const first = await startProgram(t, directory);
  const vm = machine(first);
  const session = await vm.createSession("demo");
  await vm.sendPrompt(session.sessionId, 'Without asking, write "one" to one.txt');
  const { pid } = await vm.spawn("sh", [
    "-c",
    "trap 'echo saved > saved; exit 0' TERM; echo up > up; sleep 600 & wait",
  ]);
  while (!(await vm.exists("up")));
  assert.ok(pid > 0);
  await first.stop();
  for (const name of folders(directory))
    rmSync(join(directory, "machines", "disks", name), { recursive: true });

  const second = await startProgram(t, directory);
  const woken = machine(second);
  assert.equal(text(await woken.readFile("saved")), "saved\n");
  assert.deepEqual(await woken.listProcesses(), []);
  const { response } = await woken.sendPrompt(session.sessionId, 'Without asking, write "two" to two.txt');
  assert.equal((response.result as { stopReason: string }).stopReason, "end_turn");
  assert.equal(text(await woken.readFile("two.txt")).trim(), "two");
});

test("a machine that was started ahead takes over the files of one that slept", async (t) => {
  const directory = scratch();
  const program = await startProgram(t, directory, 60_000, 1);
  const vm = machine(program);
  await vm.exec(
    "mkdir -p a/b && echo 1 > a/b/c && chmod 500 a && ln -s a link && echo w > /workspace/w && chmod 750 .",
  );
  // Started with the first one.
  while (folders(directory).length < 2) await vm.exec("true");
  const url = await vm.getGatewayUrl();
  const [id = ""] = (await program.client.vm.list({ prefix: key })).actors.map(({ id }) => id);
  const slept = await fetch(new URL(`/actors/vm/${id}/sleep`, url), { method: "POST" });
  assert.equal(slept.status, 204);
  const { stdout } = await vm.exec("cat a/b/c link/b/c /workspace/w && stat -c %a . a");
  assert.equal(stdout, "1\n1\nw\n750\n500\n");
  assert.equal((await vm.exec("echo more > more && cat more")).stdout, "more\n");
  await program.kill();
  const second = await startProgram(t, directory);
  assert.equal(text(await machine(second).readFile("more")), "more\n");
  assert.equal((await machine(second).exec("cat link/b/c")).stdout, "1\n");
});

test("a copy of an actor has a disk of its own, and a destroyed machine leaves nothing", async (t) => {
  const directory = scratch();
  const program = await startProgram(t, directory);
  const vm = machine(program);
  await vm.exec("mkdir -p closed/inner && echo x > closed/inner/file && chmod 000 closed/inner");
  await vm.snapshot();
  const [actor] = (await program.client.vm.list({ prefix: key })).actors;
  const forked = await fetch(new URL(`/actors/vm/${actor?.id}/fork`, await vm.getGatewayUrl()), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ key: "copy" }),
  });
  assert.equal(forked.status, 201);
  const copy = program.client.vm.get("copy");
  assert.equal(
    (await copy.exec("chmod 700 closed/inner; cat closed/inner/file; echo own > own")).stdout,
    "x\n",
  );
  assert.equal(await vm.exists("own"), false);
  assert.equal(folders(directory).length, 2);
  await program.client.vm.destroy(key);
  assert.equal(folders(directory).length, 1);
  await program.client.vm.destroy("copy");
  assert.deepEqual(folders(directory), []);
});
