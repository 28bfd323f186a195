import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGate } from "@holdfast/gate";
import { ensure, interleave, median, type Outcome, type Scenario } from "../internal/scenario.ts";

/** Time from the request to the exit of a command that does nothing, in a jail of the gate and without one. */
async function measure(): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const gate = await createGate({ dataDir: directory, vault: { env: {}, logins: false } });
  let count = 0;
  try {
    const start = async () => {
      const began = performance.now();
      count += 1;
      const jail = await gate.jails.start({
        id: `bench-${count}`,
        command: "/bin/true",
        args: [],
        cwd: "/",
        env: { PATH: "/usr/bin:/bin" },
        mounts: [],
        limits: { memoryBytes: 256 * 1024 * 1024, pids: 64, cpus: 1 },
        network: "none",
      });
      jail.stdin.end();
      jail.stdout.resume();
      jail.stderr.resume();
      const { code } = await jail.exited;
      ensure(code === 0, "the command ran to its end");
      return performance.now() - began;
    };
    const bare = () =>
      new Promise<number>((resolve, reject) => {
        const began = performance.now();
        const child = spawn("/bin/true", { stdio: "pipe" });
        child.once("error", reject);
        child.once("close", () => resolve(performance.now() - began));
      });
    await start();
    const samples = await interleave({ jail: () => start(), bare });
    const jail = median(samples.jail);
    return {
      figures: [
        {
          name: "jail start",
          value: jail,
          unit: "ms",
          detail: `start, run and end of /bin/true, with the record on the audit log; median`,
        },
        {
          name: "bare spawn",
          value: median(samples.bare),
          unit: "ms",
          own: true,
          detail: "the same without a jail",
        },
      ],
      floors: [{ name: "jail start", value: jail, limit: 60, unit: "ms", better: "less" }],
      samples,
    };
  } finally {
    await gate.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

export const jailStart: Scenario = { name: "jail-start", run: measure };
