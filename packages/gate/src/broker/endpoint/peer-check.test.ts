import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readlinkSync } from "node:fs";
import { test } from "node:test";
import { peerOf, refusePeer } from "./peer-check.ts";

const own = { uid: process.getuid?.() ?? 0, pid: process.pid };
const namespace = readlinkSync("/proc/self/ns/pid");

test("a peer is read from the end of its address, and is none where libzmq told nothing", () => {
  assert.deepEqual(peerOf("localhost:0:1000:4321"), { uid: 0, pid: 4321 });
  for (const address of ["", "localhost", "ipc:///run/1:2", "localhost:0:1000:", "localhost:0:1000:x"]) {
    assert.equal(peerOf(address), undefined, address);
  }
});

test("nobody is of a jail that has ended, and nobody who cannot be read is of any", () => {
  assert.equal(refusePeer(own, null), "jail_not_running");
  assert.equal(refusePeer(undefined, null), "jail_not_running");
  assert.equal(refusePeer(undefined, { namespace }), "unreadable");
});

test("who is of a jail is known by its namespace of processes", () => {
  assert.equal(refusePeer(own, { namespace }), undefined);
  assert.equal(refusePeer(own, { namespace: "pid:[1]" }), "not_of_the_jail");
  assert.equal(refusePeer({ ...own, pid: 2 ** 22 + 1 }, { namespace }), "not_of_the_jail", "it has ended");
});

test("who dials for a jail on another kernel is one process of the gate, or whoever comes where no pid is told", () => {
  assert.equal(refusePeer(own, { relay: own.pid }), undefined);
  assert.equal(refusePeer({ ...own, pid: process.ppid }, { relay: own.pid }), "not_of_the_jail");
  assert.equal(refusePeer(undefined, { relay: own.pid }), undefined);
});

test("who is of a jail that confines nothing is known by descent or by session", async (t) => {
  // Two shells, each the first of a session of its own; the first has a child.
  const [jail, other] = ["sleep 60 & echo $!; wait", "echo; exec sleep 60"].map((script) =>
    spawn("/bin/sh", ["-c", script], { detached: true, stdio: ["ignore", "pipe", "ignore"] }),
  );
  assert.ok(jail?.pid !== undefined && other?.pid !== undefined);
  const groups = [jail.pid, other.pid];
  t.after(() => {
    for (const group of groups) process.kill(-group, "SIGKILL");
  });
  const [[line]] = await Promise.all([once(jail.stdout, "data"), once(other.stdout, "data")]);
  const child = Number(String(line));
  const rule = { pid: jail.pid };
  assert.equal(refusePeer({ ...own, pid: child }, rule), undefined);
  assert.equal(refusePeer({ ...own, pid: jail.pid }, rule), undefined);
  assert.equal(refusePeer({ ...own, pid: other.pid }, rule), "not_of_the_jail");
  assert.equal(refusePeer(own, rule), "not_of_the_jail", "its parent");
});
