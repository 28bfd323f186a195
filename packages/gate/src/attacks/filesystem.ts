import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { JailLimits } from "../jail/jail.ts";
import type { Attack } from "./attack.ts";
import { summary } from "./network.ts";

export const filesystemAttacks: readonly Attack[] = [
  {
    id: "filesystem.system",
    group: "filesystem",
    attempt: "write to /etc, /usr, the agent's program, the guest and read-only mounts",
    must: "read-only",
    layer: "mount namespace: read-only root",
    needs: ["filesystem.read_only_root"],
    run: async (lab) => {
      const guest = lab.directory("guest");
      mkdirSync(join(guest, "empty"));
      const script = `
        import fs from "node:fs"; const answers = {};
        // Nothing is changed where it should be possible: opened to append, or made and removed again.
        const attempt = (path) => { try { fs.closeSync(fs.openSync(path, fs.existsSync(path) ? "a" : "wx")); if (fs.statSync(path).size === 0) fs.rmSync(path); return "written"; } catch (error) { return error.code; } };
        for (const path of ["/x", "/usr/bin/x", "/bin/x", "/etc/passwd", "/etc/x", ${lab.ownKernel ? "" : '"/dev/x", '}"/home/x", "/run/x", "/opt/x", "/var/x", "/opt/holdfast/node", "/opt/guest/x"]) answers[path] = attempt(path);
        fs.symlinkSync("/etc/passwd", "/tmp/link"); answers.link = attempt("/tmp/link");
        answers.own = attempt("/workspace/x");
        console.log(JSON.stringify(answers));`;
      const { own, ...answers } = await lab.inside(script, {
        mounts: [
          { source: guest, target: "/opt/guest", mode: "ro" },
          { source: lab.directory("workspace"), target: "/workspace", mode: "rw" },
        ],
      });
      return {
        stopped: !Object.values(answers).includes("written"),
        observed: summary(answers),
        control: { worked: own === "written", observed: "the workspace is writable" },
      };
    },
  },
  {
    id: "filesystem.mounts",
    group: "filesystem",
    attempt: "see files of the host, its home directories and other jails",
    must: "absent",
    layer: "mount namespace: only programs and the mounts of the specification",
    needs: ["filesystem.mounts_only"],
    run: async (lab) => {
      const paths = [
        lab.hostFile,
        "/root",
        "/etc/shadow",
        "/etc/ssh",
        "/etc/machine-id",
        "/var/lib",
        "/var/log",
        "/boot",
        "/sys/kernel/mm",
        "/srv",
        "/mnt",
      ];
      const script = `import fs from "node:fs"; console.log(JSON.stringify({ seen: ${JSON.stringify(paths)}.filter((path) => fs.existsSync(path)).join(" ") || "none" }));`;
      const inside = await lab.inside(script);
      const outside = await lab.outside(script);
      return {
        stopped: inside["seen"] === "none",
        observed: `seen: ${inside["seen"]}`,
        control: { worked: outside["seen"]?.includes(lab.hostFile) === true, observed: "seen on the host" },
      };
    },
  },
  {
    id: "filesystem.symlink",
    group: "filesystem",
    attempt: "leave a symlink to a host path in the workspace for a host tool to follow",
    must: "the tool cannot see the target",
    layer: "host tools run in a disposable jail",
    needs: ["filesystem.mounts_only"],
    run: async (lab) => {
      const workspace = lab.directory("links");
      await lab.shell(`ln -s ${lab.hostFile} /workspace/innocent.txt; ln -s / /workspace/root`, {
        mounts: [{ source: workspace, target: "/workspace", mode: "rw" }],
      });
      const tool = await lab.gate.jails.runTool({
        command: "/bin/sh",
        args: ["-c", `cat /workspace/innocent.txt /workspace/root${lab.hostFile}`],
        cwd: "/workspace",
        mounts: [{ source: workspace, target: "/workspace", mode: "ro" }],
      });
      const followed = readFileSync(join(workspace, "innocent.txt"), "utf8");
      return {
        stopped: tool.code !== 0 && !tool.stdout.includes(lab.canaries.hostFile),
        observed: tool.stderr.toString().trim().split("\n")[0]?.replace(lab.hostFile, "PATH") ?? "",
        control: {
          worked: followed.includes(lab.canaries.hostFile),
          observed: "a host program that follows it reads the file",
        },
      };
    },
  },
  {
    id: "filesystem.fill_disk",
    group: "filesystem",
    attempt: "fill the disk through the workspace: large files, unlinked files, endless empty files",
    must: "the jail is stopped; other jails and the host continue",
    layer: "measured quota of the writable mounts",
    needs: ["limits.disk"],
    run: async (lab) => {
      const megabyte = 1024 * 1024;
      const limits = { diskBytes: 2 * megabyte, diskEntries: 200 };
      // Each runs long enough to exceed the limit, but not forever.
      const ways = {
        large: "head -c 4194304 /dev/zero >large; sleep 20",
        nameless: "exec 3>gone; rm gone; head -c 4194304 /dev/zero >&3; sleep 20",
        empty: "i=0; while [ $i -lt 400 ]; do i=$((i + 1)); : >$i; done; sleep 20",
      };
      const into = (limits?: JailLimits) => ({
        cwd: "/workspace",
        mounts: [{ source: lab.directory("disk"), target: "/workspace", mode: "rw" }] as const,
        ...(limits ? { limits } : {}),
      });
      const neighbour = await lab.start({ args: ["-c", "cat; echo fine"], ...into(limits) });
      const ends = await Promise.all(
        Object.entries(ways).map(async ([name, script]) => {
          const { reason, detail } = await lab.shell(script, into(limits));
          return { name, reason, detail };
        }),
      );
      const survivor = await lab.finish(neighbour);
      const free = await lab.shell("head -c 4194304 /dev/zero >large; wc -c <large", into());
      return {
        stopped: ends.every(({ reason }) => reason === "disk") && survivor.stdout === "fine\n",
        observed: ends.map(({ name, reason }) => `${name}: ${reason}`).join(", "),
        control: {
          worked: free.stdout.trim() === "4194304",
          observed: "without the limit, everything is written",
        },
      };
    },
  },
  {
    id: "filesystem.fill",
    group: "filesystem",
    attempt: "fill /tmp and /dev/shm, write endless output",
    must: "bounded; the host is not affected",
    layer: "sized tmpfs; output with backpressure",
    run: async (lab) => {
      const megabyte = 1024 * 1024;
      const { stdout } = await lab.shell(
        "for at in /tmp /dev/shm; do dd if=/dev/zero of=$at/fill bs=64k 2>/dev/null; wc -c <$at/fill; done",
        { limits: { tmpBytes: megabyte } },
      );
      const sizes = stdout.trim().split("\n").map(Number);
      const free = JSON.stringify(`${lab.directory("fill")}/fill`);
      const { size: unbounded } = await lab.outside(
        `import fs from "node:fs"; fs.writeFileSync(${free}, Buffer.alloc(${2 * megabyte})); console.log(JSON.stringify({ size: String(fs.statSync(${free}).size) }));`,
      );
      const flood = await lab.start({ command: "/usr/bin/yes", args: ["x".repeat(1000)] });
      const before = process.memoryUsage.rss();
      await new Promise((resolve) => setTimeout(resolve, 200));
      const grown = process.memoryUsage.rss() - before;
      const drained = text(flood.stdout);
      await flood.stop({ graceMs: 0 });
      await drained;
      return {
        stopped:
          sizes.length === 2 && sizes.every((size) => size > 0 && size <= megabyte) && grown < 64 * megabyte,
        observed: `${sizes.join(" and ")} bytes; a flood waits for its reader`,
        control: {
          worked: unbounded === String(2 * megabyte),
          observed: "on the host, twice as much is written",
        },
      };
    },
  },
];
