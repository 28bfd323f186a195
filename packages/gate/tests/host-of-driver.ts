/** A host process of its own for tests that kill it: a jail of any driver with a daemon in it. */
import { createGate, type GateConfig } from "@holdfast/gate";

const [dataDir, jails, workspace] = process.argv.slice(2);
if (dataDir === undefined || jails === undefined || workspace === undefined) {
  throw new Error("usage: host-of-driver DATA_DIR JAILS_JSON WORKSPACE");
}

const gate = await createGate({
  dataDir,
  jails: JSON.parse(jails) as NonNullable<GateConfig["jails"]>,
  vault: { env: {}, logins: false },
});
const jail = await gate.jails.start({
  id: "victim",
  command: "/bin/sh",
  args: ["-c", "(setsid sleep 1000 &) ; echo ready; sleep 1000"],
  cwd: "/",
  env: { PATH: "/usr/bin:/bin" },
  mounts: [{ source: workspace, target: "/workspace", mode: "rw" }],
  network: "none",
});
for await (const _line of jail.stdout.iterator({ destroyOnReturn: false })) {
  process.stdout.write(`${jail.pid}\n`);
  break;
}
