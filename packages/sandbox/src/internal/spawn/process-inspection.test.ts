import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { endFamily, killFamily } from "./process-group.ts";
import { markerName, nextProcessSnapshot } from "./process-inspection.ts";

const isLinux = process.platform === "linux";

test("callers share a process snapshot until it starts; a later caller gets the next one", async () => {
  const [first, second] = await Promise.all([nextProcessSnapshot(), nextProcessSnapshot()]);
  assert.equal(first, second);
  assert.notEqual(await nextProcessSnapshot(), first);
});

test("many families that end concurrently leave no process, whether killed or terminated", {
  skip: !isLinux,
}, async (t) => {
  const marker = `look-${process.pid}`;
  const families = Array.from({ length: 12 }, (_, index) => {
    // The second process leaves the group: only its mark identifies it.
    const child = spawn("/bin/sh", ["-c", "setsid sleep 100 & exec sleep 100"], {
      detached: true,
      env: { ...process.env, [markerName]: `${marker}.${index}` },
      stdio: "ignore",
    });
    t.after(() => child.kill("SIGKILL"));
    return { child, family: { pid: child.pid ?? 0, marker: `${marker}.${index}` } };
  });
  const marked = (look: Awaited<ReturnType<typeof nextProcessSnapshot>>) =>
    look.filter(({ marks }) => marks.some((mark) => mark.startsWith(`${marker}.`)));
  let seen = marked(await nextProcessSnapshot());
  while (seen.length < 2 * families.length) seen = marked(await nextProcessSnapshot());
  const exits = families.map(({ child }) => once(child, "exit"));
  await Promise.all(
    families.map(({ family }, index) => (index % 2 === 0 ? killFamily(family) : endFamily(family, 50))),
  );
  await Promise.all(exits);
  assert.deepEqual(marked(await nextProcessSnapshot()), []);
});
