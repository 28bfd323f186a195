import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Attack } from "@holdfast/gate";
import { createSandboxServer } from "@holdfast/sandbox";
import { runsOnYourMachine } from "@holdfast/studio";
import { hostileTar, pax, type TarEntry } from "./tar.ts";

type Lab = Parameters<Attack["run"]>[0];

interface FileApi {
  readonly root: string;
  /** A folder beside the root that must not change. */
  readonly outside: string;
  request(path: string, init?: RequestInit): Promise<Response>;
}

/** Runs the file API of a sandbox on its own folder, as the host does for trees that an agent wrote. */
async function withFileApi<T>(lab: Lab, use: (files: FileApi) => Promise<T>): Promise<T> {
  const directory = lab.directory("files");
  const [root, outside] = [join(directory, "root"), join(directory, "outside")];
  for (const path of [root, outside, join(directory, "data")]) mkdirSync(path);
  writeFileSync(join(outside, "secret"), lab.canaries.hostFile);
  const server = await createSandboxServer({
    ...{ root, home: root, dataDirectory: join(directory, "data") },
    listen: { host: "127.0.0.1", port: 0 },
    unsafeNoToken: true,
  });
  try {
    return await use({ root, outside, request: (path, init) => fetch(`${server.url}${path}`, init) });
  } finally {
    await server.close();
  }
}

const archives: Readonly<Record<string, readonly TarEntry[]>> = {
  "a name with ..": [{ name: "../outside/planted", content: "x" }],
  "an absolute name": [{ name: "/ABSOLUTE/planted", content: "x" }],
  "a link, then a file through it": [
    { name: "way", type: "2", link: "../outside" },
    { name: "way/planted", content: "x" },
  ],
  "a hard link to a file outside": [{ name: "own", type: "1", link: "../outside/secret" }],
  "a device": [{ name: "device", type: "3" }],
  "a pax header with ..": [pax("path", "../outside/planted"), { name: "plain", content: "x" }],
  "a pax header with a link": [pax("linkpath", "../outside/secret"), { name: "own", type: "1", link: "own" }],
  "a size beyond its end": [{ name: "long", content: "x", size: 1_000_000 }],
};

/** A decompression bomb: 20 MB of zeros in 20 KB. */
async function uploadBomb(files: FileApi): Promise<string> {
  const bomb = gzipSync(hostileTar([{ name: "bomb", content: "\0".repeat(20 * 1_048_576) }]));
  const answer = await files.request("/v1/fs/upload-batch?path=bomb", {
    method: "POST",
    headers: { "content-type": "application/gzip" },
    body: new Uint8Array(bomb),
  });
  return String(answer.status);
}

async function unpack(files: FileApi, entries: readonly TarEntry[]): Promise<string> {
  const named = entries.map((entry) => ({ ...entry, name: entry.name.replace("/ABSOLUTE", files.outside) }));
  const answer = await files.request("/v1/fs/upload-batch?path=upload", {
    method: "POST",
    headers: { "content-type": "application/x-tar" },
    body: new Uint8Array(hostileTar(named)),
  });
  return String(answer.status);
}

export const fileAttacks: readonly Attack[] = [
  {
    id: "filesystem.archives",
    group: "filesystem",
    attempt:
      "archives with .., absolute names, pax headers, files through links, hard links, devices, set-user-ID bits, a wrong size, a bomb",
    must: "refused; nothing outside is written or read",
    layer: "file API: each component is opened below its parent, no link is followed out",
    run: (lab) =>
      withFileApi(lab, async (files) => {
        const answers: string[] = [];
        for (const entries of Object.values(archives)) answers.push(await unpack(files, entries));
        answers.push(await uploadBomb(files));
        const seen = spawnSync("grep", ["-r", lab.canaries.hostFile, files.root], { encoding: "utf8" });
        const good = await unpack(files, [
          { name: "fine.txt", content: "fine" },
          { name: "setuid", content: "x", mode: 0o6755 },
        ]);
        const setuid = statSync(join(files.root, "upload", "setuid"), { throwIfNoEntry: false })?.mode ?? 0;
        const naive = lab.directory("naive");
        const archive = join(naive, "a.tar");
        writeFileSync(archive, hostileTar([{ name: "../planted-by-name", content: "x" }]));
        mkdirSync(join(naive, "here"));
        spawnSync("tar", ["-P", "-xf", archive, "-C", join(naive, "here")]);
        return {
          stopped:
            // A 502 means that the archive ended earlier than its header declares.
            answers.every((status) => /^(4\d\d|502)$/.test(status)) &&
            readdirSync(files.outside).join() === "secret" &&
            seen.stdout === "" &&
            good === "200" &&
            (setuid & 0o6000) === 0,
          observed: `${[...new Set(answers)].join(", ")}; a plain archive: ${good}`,
          control: {
            worked: existsSync(join(naive, "planted-by-name")),
            observed: "a program that trusts names writes outside",
          },
        };
      }),
  },
  {
    id: "filesystem.file_api",
    group: "filesystem",
    attempt: "paths with .., encoded twice, backslashes, NUL, broken UTF-8; links in the tree to the host",
    must: "4xx; nothing outside is read or written",
    layer: "file API: paths are walked component by component below a root",
    run: (lab) =>
      withFileApi(lab, async (files) => {
        symlinkSync(files.outside, join(files.root, "link"));
        symlinkSync(join(files.outside, "secret"), join(files.root, "innocent.txt"));
        const paths = [
          "../outside/secret",
          "%2e%2e/outside/secret",
          "..%2foutside%2fsecret",
          "%252e%252e/outside/secret",
          "..%5coutside%5csecret",
          "x%00/../../outside/secret",
          "%c0%ae%c0%ae/outside/secret",
          "link/secret",
          "innocent.txt",
          encodeURIComponent(join(files.outside, "secret")),
        ];
        const statuses: string[] = [];
        let leaked = false;
        for (const path of paths) {
          const read = await files.request(`/v1/fs/file?path=${path}`);
          leaked ||= (await read.text()).includes(lab.canaries.hostFile);
          const target = path.replace("secret", "planted");
          const write = await files.request(`/v1/fs/file?path=${target}`, { method: "PUT", body: "x" });
          await write.arrayBuffer();
          statuses.push(String(read.status));
        }
        writeFileSync(join(files.root, "own"), "own");
        const own = await files.request("/v1/fs/file?path=own");
        const followed = readFileSync(join(files.root, "innocent.txt"), "utf8");
        return {
          stopped:
            !leaked &&
            statuses.every((status) => /^4\d\d$/.test(status)) &&
            readdirSync(files.outside).join() === "secret" &&
            (await own.text()) === "own",
          observed: [...new Set(statuses)].join(", "),
          control: {
            worked: followed === lab.canaries.hostFile,
            observed: "a program that follows the link reads the file",
          },
        };
      }),
  },
  {
    id: "filesystem.runs_on_your_machine",
    group: "filesystem",
    attempt:
      "leave .vscode/tasks.json, .envrc, package.json scripts, a Makefile, .mcp.json, CLAUDE.md, .npmrc, git hooks for the person to run",
    must: "marked in the review; hooks stay behind",
    layer: "review: files that run on your machine; a commit carries no .git",
    run: async (lab) => {
      const workspace = lab.directory("review");
      const traps =
        ".vscode/tasks.json .envrc package.json Makefile .mcp.json CLAUDE.md .npmrc .husky/pre-commit .devcontainer/devcontainer.json";
      await lab.shell(
        `cd /workspace && git init -q . && for path in ${traps} src/plain.txt; do mkdir -p "$(dirname $path)"; echo x >$path; done
         echo 'touch /tmp/never' >.git/hooks/post-checkout; chmod +x .git/hooks/post-checkout
         git add -A && git -c user.name=a -c user.email=a@b commit -qm x`,
        { mounts: [{ source: workspace, target: "/workspace", mode: "rw" }] },
      );
      // Lists the files as the host does: in a jail, by git's list of a commit's contents.
      const { stdout } = await lab.gate.jails.runTool({
        command: "git",
        args: ["-c", "safe.directory=*", "ls-tree", "-r", "-z", "HEAD"],
        cwd: "/workspace",
        mounts: [{ source: workspace, target: "/workspace", mode: "ro" }],
      });
      const files = stdout
        .toString("utf8")
        .split("\0")
        .filter((line) => line !== "")
        .map((line) => ({ mode: line.slice(0, 6), path: line.slice(line.indexOf("\t") + 1) }));
      const marked = files.filter(({ path, mode }) => runsOnYourMachine(path, mode)).map(({ path }) => path);
      return {
        stopped:
          traps.split(" ").every((path) => marked.includes(path)) &&
          !marked.includes("src/plain.txt") &&
          !files.some(({ path }) => path.startsWith(".git/")),
        observed: `${marked.length} of ${files.length} files marked; no hook in the commit`,
        control: {
          worked: existsSync(join(workspace, ".git/hooks/post-checkout")),
          observed: "the hook is there in the workspace",
        },
      };
    },
  },
];
