import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { endFamily, killFamily } from "./process-group.ts";
import { markerName, nextLook } from "./process-inspection.ts";

const isLinux = process.platform === "linux";

test("whoever asks before a look begins shares it; who asks later gets another", async () => {
  const [first, second] = await Promise.all([nextLook(), nextLook()]);
  assert.equal(first, second);
  assert.notEqual(await nextLook(), first);
});

test("many families that end at once end whole, by kill or by request", { skip: !isLinux }, async (t) => {
  const marker = `look-${process.pid}`;
  const families = Array.from({ length: 12 }, (_, index) => {
    // The second one leaves the group, and is known by its mark alone.
    const child = spawn("/bin/sh", ["-c", "setsid sleep 100 & exec sleep 100"], {
      detached: true,
      env: { ...process.env, [markerName]: `${marker}.${index}` },
      stdio: "ignore",
    });
    t.after(() => child.kill("SIGKILL"));
    return { child, family: { pid: child.pid ?? 0, marker: `${marker}.${index}` } };
  });
  const marked = (look: Awaited<ReturnType<typeof nextLook>>) =>
    look.filter(({ marks }) => marks.some((mark) => mark.startsWith(`${marker}.`)));
  let seen = marked(await nextLook());
  while (seen.length < 2 * families.length) seen = marked(await nextLook());
  const exits = families.map(({ child }) => once(child, "exit"));
  await Promise.all(
    families.map(({ family }, index) => (index % 2 === 0 ? killFamily(family) : endFamily(family, 50))),
  );
  await Promise.all(exits);
  assert.deepEqual(marked(await nextLook()), []);
});
