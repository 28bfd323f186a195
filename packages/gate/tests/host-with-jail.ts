/** A host process of its own for tests that kill it: starts a jail with a daemon in it, says where. */
import { createGate } from "@holdfast/gate";

const [dataDir, once] = process.argv.slice(2);
if (dataDir === undefined) throw new Error("usage: host-with-jail DATA_DIR [once]");

const gate = await createGate({ dataDir, vault: { env: {}, logins: false } });
await gate.openBroker({ jailId: "victim", session: "victim", group: "default" });
const jail = await gate.jails.start({
  id: "victim",
  command: "/bin/sh",
  args: ["-c", "(setsid sleep 1000 &) ; readlink /proc/self/ns/pid; sleep 1000"],
  cwd: "/",
  env: { PATH: "/usr/bin:/bin" },
  mounts: [],
  network: "none",
});
for await (const chunk of jail.stdout.iterator({ destroyOnReturn: false })) {
  process.stdout.write(chunk as Buffer);
  break;
}
if (once !== undefined) await gate.close();
