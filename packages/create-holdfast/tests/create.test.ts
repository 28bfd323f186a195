/** The program `create-holdfast`, in folders of its own. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { removeAtExit } from "@holdfast/testing/scratch";
import { spawn } from "@lydell/node-pty";
import { installFailure, packageManager, packageName, runLine, templates } from "../src/index.ts";

const program = join(import.meta.dirname, "..", "bin", "create-holdfast.js");

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "create-holdfast-"));
  removeAtExit(directory);
  return directory;
}

function create(
  cwd: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  node: readonly string[] = [],
) {
  return spawnSync(process.execPath, [...node, program, ...args], {
    cwd,
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
}

test("each template becomes a project, with its name, rules for agents and what npm would leave out", () => {
  const folder = scratch();
  for (const { name } of templates) {
    const { status, stderr, stdout } = create(folder, [
      `my-${name}`,
      "--template",
      name,
      "--yes",
      "--no-install",
    ]);
    assert.equal(status, 0, stderr);
    assert.match(stdout, new RegExp(`cd my-${name}\\n.*npm install\\n.*npm run dev`));
    const project = join(folder, `my-${name}`);
    const manifest = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as {
      name: string;
      dependencies: Record<string, string>;
    };
    assert.equal(manifest.name, `my-${name}`);
    assert.match(manifest.dependencies["holdfast"] ?? "", /^\^\d+\.\d+\.\d+$/);
    const files = readdirSync(project);
    for (const file of [
      ".gitignore",
      ".dockerignore",
      "Dockerfile",
      "AGENTS.md",
      "README.md",
      "tsconfig.json",
    ])
      assert.ok(files.includes(file), `${name} has no ${file}`);
    assert.ok(!files.includes("gitignore"));
    assert.match(readFileSync(join(project, "AGENTS.md"), "utf8"), /UserError/);
    // SIGTERM has to reach the program, and not a shell or npm.
    const commands: { readonly [template: string]: string } = { next: '"node_modules/.bin/next", "start"' };
    const file = name === "empty" || name === "agents" ? "registry" : "server";
    const command = commands[name] ?? `"node", "src/${file}.ts"`;
    const dockerfile = readFileSync(join(project, "Dockerfile"), "utf8");
    assert.ok(dockerfile.endsWith(`\nCMD [${command}]\n`), name);
    // Next.js serves pages at its own port, and its live connections go to that of the actors.
    const ports = name === "next" ? "3000 6420" : "6420";
    assert.match(dockerfile, new RegExp(`^EXPOSE ${ports}$`, "m"), name);
    assert.ok(readdirSync(project, { recursive: true }).some((file) => String(file).endsWith(".test.ts")));
    assert.equal(statSync(project).mode & 0o777, 0o777 & ~process.umask());
  }
  // Nothing is left of how they were written.
  assert.equal(readdirSync(folder).length, templates.length);
});

test("a folder that is not empty stays as it is, and what is no project yet is no obstacle", () => {
  const folder = scratch();
  mkdirSync(join(folder, "shop"));
  writeFileSync(join(folder, "shop", "index.ts"), "// half a project\n");
  const refused = create(folder, ["shop", "--yes", "--no-install"]);
  assert.equal(refused.status, 1);
  assert.match(
    refused.stderr,
    /shop is not empty: it has index\.ts\. Choose another folder, or .* npx holdfast init/,
  );
  assert.deepEqual(readdirSync(join(folder, "shop")), ["index.ts"]);
  writeFileSync(join(folder, "file"), "");
  assert.match(create(folder, ["file", "--yes"]).stderr, /file is a file/);
  mkdirSync(join(folder, "cloned", ".git"), { recursive: true });
  assert.equal(create(join(folder, "cloned"), [".", "--yes", "--no-install"]).status, 0);
  assert.ok(readdirSync(join(folder, "cloned")).includes("package.json"));
});

test("a wrong command line says what is meant", () => {
  const folder = scratch();
  const wrong = create(folder, ["shop", "--template", "chatt", "--yes"]);
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /There is no template "chatt"\. Did you mean chat\?/);
  assert.match(create(folder, ["--yes"]).stderr, /The folder is missing/);
  assert.match(create(folder, ["shop", "--templat", "chat"]).stderr, /Did you mean --template\?/);
  assert.deepEqual(readdirSync(folder), []);
});

test("without a network the project is there, and the message says what to do", () => {
  const folder = scratch();
  const env = {
    npm_config_registry: "http://127.0.0.1:9/",
    npm_config_fetch_retries: "0",
    npm_config_cache: folder,
  };
  const { status, stderr, stdout } = create(folder, ["shop", "--yes"], env);
  assert.equal(status, 1);
  assert.match(stderr, /The packages were not installed: the registry cannot be reached\..*HTTPS_PROXY/);
  assert.match(stderr, /The project is complete; install it later/);
  assert.match(stdout, /cd shop\n.*npm install\n/);
  assert.ok(readdirSync(join(folder, "shop")).includes("package.json"));
});

test("a proxy that asks for a password is named, and nothing else is tried", async () => {
  const asked: string[] = [];
  const proxy = createServer().on("connect", (request, socket) => {
    asked.push(request.url ?? "");
    socket.end("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n");
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const folder = scratch();
  const env = {
    ...process.env,
    npm_config_registry: "https://registry.invalid/",
    npm_config_https_proxy: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    npm_config_fetch_retries: "0",
    npm_config_cache: folder,
  };
  await assert.rejects(
    promisify(execFile)(process.execPath, [program, "shop", "--yes"], { cwd: folder, env }),
    /the proxy asks for a name and a password: set them in HTTPS_PROXY/,
  );
  assert.ok(asked.length > 0 && asked.every((host) => host === "registry.invalid:443"), asked.join());
  proxy.close();
});

test("the certificate of a proxy and a registry without the package are told apart", () => {
  assert.match(installFailure("npm error code SELF_SIGNED_CERT_IN_CHAIN"), /NODE_EXTRA_CA_CERTS/);
  assert.match(installFailure("npm error code E404"), /\.npmrc/);
  assert.match(installFailure("npm error something else"), /something else/);
});

test("an old Node is told in words, before anything else is loaded", () => {
  const old = 'data:text/javascript,Object.defineProperty(process,"versions",{value:{node:"20.11.0"}})';
  const { status, stderr } = create(scratch(), ["shop", "--yes"], {}, ["--import", old]);
  assert.equal(status, 1);
  assert.match(stderr, /^Holdfast needs Node 24 or newer; this is 20\.11\.0\. Install it/);
});

test("names of folders become names of packages, and next steps those of the package manager", () => {
  assert.equal(packageName("/home/ann/My Shop!"), "my-shop");
  assert.equal(packageName("/home/ann/_"), "holdfast-app");
  assert.equal(packageManager("pnpm/9.0.0 node/v24"), "pnpm");
  assert.equal(packageManager("npm/11.0.0 node/v24"), "npm");
  assert.equal(runLine("npm", "dev"), "npm run dev");
  assert.equal(runLine("yarn", "dev"), "yarn dev");
});

test("at a terminal it asks three questions", async () => {
  const folder = scratch();
  const terminal = spawn(process.execPath, [program], {
    cwd: folder,
    cols: 120,
    env: { ...process.env } as never,
  });
  let shown = "";
  let answered = 0;
  // The name is typed; the second template is chosen; the install is refused.
  const answers: readonly (readonly [RegExp, string])[] = [
    [/In which folder\?/, "shop\r"],
    [/What will it be\?/, "\u001b[B\r"],
    [/Install the packages in shop\?/, "n"],
  ];
  const ended = new Promise<number>((resolve) => terminal.onExit(({ exitCode }) => resolve(exitCode)));
  terminal.onData((text) => {
    shown += text;
    const [pattern, keys] = answers[answered] ?? [];
    if (pattern === undefined || keys === undefined || !pattern.test(shown)) return;
    answered += 1;
    terminal.write(keys);
  });
  assert.equal(await ended, 0, shown);
  const manifest = readFileSync(join(folder, "shop", "package.json"), "utf8");
  assert.match(manifest, /vite build/);
  assert.match(shown, /npm run dev/);
});
