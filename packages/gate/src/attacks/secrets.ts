import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Attack } from "./attack.ts";
import { encodingsOf } from "./lab/encodings.ts";
import { withEgress } from "./network.ts";

/** Source of a search of all readable files for any of the needles. */
const search = (needles: readonly string[], roots: readonly string[]) => `
  import fs from "node:fs"; import path from "node:path";
  // Split, so that this program's own command line does not count.
  const needles = ${JSON.stringify(needles.map((each) => [each.slice(0, 4), each.slice(4)]))}.map((parts) => parts.join(""));
  let files = 0; const found = []; const buffer = Buffer.alloc(1 << 20);
  const walk = (at, depth) => {
    if (depth > 8 || at === "/usr" || at === "/opt/holdfast/node") return;
    let stat; try { stat = fs.lstatSync(at); } catch { return; }
    if (stat.isDirectory()) { let names = []; try { names = fs.readdirSync(at); } catch {} for (const name of names) walk(path.join(at, name), depth + 1); return; }
    if (!stat.isFile() || /kmsg|pagemap|clear_refs|trace_pipe|kpage|\\/mem$/.test(at)) return;
    try { const fd = fs.openSync(at, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
      const content = buffer.subarray(0, fs.readSync(fd, buffer, 0, buffer.length, 0)); fs.closeSync(fd); files++;
      if (needles.some((needle) => content.includes(needle))) found.push(at);
    } catch {} };
  for (const root of ${JSON.stringify(roots)}) walk(root, 0);
  // What the owner of a machine set for programs: nobody may plant anything there, so nothing at all may be seen.
  const set = ["/usr/etc", "/usr/local/etc"].flatMap((at) => { try { return fs.readdirSync(at).map((name) => path.join(at, name)); } catch { return []; } });
  console.log(JSON.stringify({ files: String(files), found: found.join(" ") || "none", set: set.join(" ") || "none" }));`;

export const secretAttacks: readonly Attack[] = [
  {
    id: "secrets.processes",
    group: "secrets",
    attempt: "read /proc/*/environ and cmdline, ps e, the environment of the parent",
    must: "no host process is visible, and none has a secret",
    layer: "pid namespace; environment from the specification",
    needs: ["processes.hidden", "environment.exact"],
    run: async (lab) => {
      const script = `
        import fs from "node:fs";
        const pids = fs.readdirSync("/proc").filter((each) => /^\\d+$/.test(each));
        const texts = pids.flatMap((pid) => ["environ", "cmdline"].map((name) => { try { return fs.readFileSync("/proc/" + pid + "/" + name, "latin1"); } catch { return ""; } }));
        console.log(JSON.stringify({ processes: String(pids.length), secret: String(texts.some((text) => text.includes("HOLDFAST_" + "ATTACK_CONTROL"))) }));`;
      process.env["HOLDFAST_ATTACK_CONTROL"] = lab.canaries.modelKey;
      try {
        const inside = await lab.inside(script);
        const outside = await lab.outside(script, { HOLDFAST_ATTACK_CONTROL: "1" });
        return {
          stopped: inside["secret"] === "false" && Number(inside["processes"]) <= 3,
          observed: `${inside["processes"]} processes, all of the jail; no secret`,
          control: { worked: outside["secret"] === "true", observed: "on the host, the variable is visible" },
        };
      } finally {
        delete process.env["HOLDFAST_ATTACK_CONTROL"];
      }
    },
  },
  {
    id: "secrets.descriptors",
    group: "secrets",
    attempt: "use the host's open descriptors: sockets and files",
    must: "only standard input, output and error are open",
    layer: "launch: every descriptor above 2 is closed",
    needs: ["descriptors.closed"],
    run: async (lab) => {
      // Left open, as by a careless host: child processes inherit it.
      const held = openSync(lab.hostFile, "r");
      try {
        // In a subshell, since the redirections of the shell itself would be open.
        const script = "(cd /proc/$$/fd && echo *); for fd in 3 4 5 6 7 8 9; do cat <&$fd; done 2>/dev/null";
        const seen = (await lab.shell(script)).stdout.trim();
        const control = spawnSync("/bin/sh", ["-c", "cat <&3"], {
          stdio: ["ignore", "pipe", "ignore", held],
          encoding: "utf8",
        });
        return {
          stopped: seen === "0 1 2",
          observed: seen,
          control: {
            worked: control.stdout === lab.canaries.hostFile,
            observed: "a host program that inherits one reads it",
          },
        };
      } finally {
        closeSync(held);
      }
    },
  },
  {
    id: "secrets.files",
    group: "secrets",
    attempt: "search every readable file: homes, .git/config, .netrc, .npmrc, docker config, logins",
    must: "none is found",
    layer: "mount namespace: only programs and the mounts of the specification",
    needs: ["filesystem.mounts_only"],
    run: async (lab) => {
      const home = lab.directory("home");
      for (const [folder, file] of [
        [".claude", ".credentials.json"],
        [".ssh", "id_ed25519"],
        [".docker", "config.json"],
        ["", ".netrc"],
        ["", ".npmrc"],
        ["", ".git-credentials"],
      ] as const) {
        mkdirSync(join(home, folder), { recursive: true });
        writeFileSync(join(home, folder, file), lab.canaries.hostFile);
      }
      const needles = [lab.canaries.hostFile, lab.canaries.modelKey];
      const inside = await lab.inside(search(needles, ["/"]));
      const outside = await lab.outside(search(needles, [home]));
      return {
        stopped: inside["found"] === "none" && inside["set"] === "none" && Number(inside["files"]) > 20,
        observed: `${inside["files"]} files read, none with a secret; settings below /usr: ${inside["set"]}`,
        control: {
          worked: outside["found"]?.includes(".netrc") === true,
          observed: "on the host, the same search finds it",
        },
      };
    },
  },
  {
    id: "secrets.core_dump",
    group: "secrets",
    attempt: "crash for a core dump, read /proc/1/mem",
    must: "no dump; not readable",
    layer: "resource limits; pid namespace",
    run: async (lab) => {
      const { stdout } = await lab.shell(
        "cd /tmp; sh -c 'kill -SEGV $$' 2>/dev/null; ulimit -c; ls -A /tmp; head -c 1 /proc/1/mem >/dev/null 2>&1 && echo readable",
      );
      // Memory of a child process, since some systems protect that of any other.
      const outside = await lab.outside(`
        import { spawn } from "node:child_process"; import fs from "node:fs";
        const child = spawn("sleep", ["30"]);
        let opened; try { fs.closeSync(fs.openSync("/proc/" + child.pid + "/mem", "r")); opened = "yes"; } catch (error) { opened = error.code; }
        child.kill("SIGKILL"); console.log(JSON.stringify({ opened }));`);
      return {
        stopped: stdout === "0\n",
        observed: stdout === "0\n" ? "no dump, not readable" : stdout.trim(),
        control: {
          worked: outside["opened"] === "yes",
          observed: "on the host, the memory of a child is readable",
        },
      };
    },
  },
  {
    id: "secrets.echo",
    group: "secrets",
    attempt:
      "make the model server echo the key: plain, base64, hex, URL-encoded, reversed, split across chunks",
    must: "no response contains the key",
    layer: "egress proxy: redacts known secrets in every response",
    run: async (lab) => {
      const script = `
        import http from "node:http"; import fs from "node:fs";
        const ask = (body, part = {}) => new Promise((done, fail) => {
          const request = http.request({ socketPath: "/run/holdfast/egress.sock", method: "POST", path: "/anthropic/v1/messages", headers: { "x-api-key": process.env.MODEL_KEY, ...part } }, (response) => {
            let text = part.range === undefined ? JSON.stringify(response.headers) : ""; response.on("data", (d) => { text += d; }); response.on("end", () => done(text)); });
          request.on("error", fail); request.end(body); });
        const parts = await ask("plain", { range: "bytes=0-25" }) + await ask("plain", { range: "bytes=26-999" });
        console.log(JSON.stringify({ plain: await ask("plain"), encoded: await ask("encoded"), parts, key: process.env.MODEL_KEY }));`;
      const answers = await withEgress(lab, script);
      const forms = encodingsOf(lab.canaries.modelKey);
      const replies = `${answers["plain"]}${answers["encoded"]}${answers["parts"]}`;
      const seen = forms.filter((form) => replies.includes(form));
      return {
        stopped: seen.length === 0,
        observed: seen.length === 0 ? `none of ${forms.length} forms` : `${seen.length} forms came through`,
        control: {
          worked: lab.upstream.keys.includes(lab.canaries.modelKey),
          observed: "the model server received the key and echoed it",
        },
      };
    },
  },
  {
    id: "secrets.placeholder",
    group: "secrets",
    attempt: "use the placeholder key elsewhere",
    must: "it is worthless",
    layer: "egress proxy: the jail never has the real key",
    run: async (lab) => {
      const answers = await withEgress(
        lab,
        `console.log(JSON.stringify({ key: process.env.MODEL_KEY ?? "" }));`,
      );
      const placeholder = answers["key"] ?? "";
      await fetch(`${lab.upstream.url}/v1/direct`, { method: "POST", headers: { "x-api-key": placeholder } });
      const got = lab.upstream.keys.at(-1);
      return {
        stopped: placeholder.length > 0 && got === placeholder && placeholder !== lab.canaries.modelKey,
        observed: "the model server receives an unknown key",
        control: {
          worked: lab.upstream.keys.includes(lab.canaries.modelKey),
          observed: "through the proxy, it receives the real one",
        },
      };
    },
  },
];
