import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Egress, Gate, JailMount } from "@holdfast/gate";
import { type Finished, finish, jailNode, shell } from "./support.ts";

/** Where the proxy is in the jails of these tests. */
export const origin = "http://127.0.0.1:4180";

const guestSource = realpathSync(fileURLToPath(new URL("../../guest/src", import.meta.url)));

/** Starts the real forwarder, then runs a shell script beside it. */
const program = `
  import { spawn } from "node:child_process";
  import { startForwarder } from "/opt/holdfast/guest/forwarder.ts";
  const forwarder = await startForwarder({ port: 4180, socketPath: "/run/holdfast/egress.sock" });
  const child = spawn("/bin/sh", ["-c", process.argv[1]], { stdio: ["ignore", "inherit", "inherit"] });
  child.once("exit", async (code) => { await forwarder.close(); process.exitCode = code ?? 1; });
`;

/** Runs a shell script in a real jail whose only way out is `egress`. */
export async function runInJail(
  gate: Gate,
  egress: Egress,
  script: string,
  { env = {}, mounts = [] }: { env?: Readonly<Record<string, string>>; mounts?: readonly JailMount[] } = {},
): Promise<Finished> {
  const jail = await gate.jails.start(
    shell("", {
      id: egress.jailId,
      command: jailNode.path,
      args: ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", program, script],
      env: { PATH: "/usr/bin:/bin", HOME: "/tmp", ...env },
      mounts: [
        jailNode.mount,
        { source: guestSource, target: "/opt/holdfast/guest", mode: "ro" },
        { source: egress.socketPath, target: "/run/holdfast/egress.sock", mode: "ro" },
        ...mounts,
      ],
    }),
  );
  return finish(jail);
}
