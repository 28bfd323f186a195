/**
 * Publishes the ZeroMQ binding in parts, so that an install takes the binary of its own platform alone and runs
 * no install script: `@holdfast/zeromq` with the library, and one optional package a platform, as npm installs
 * them by `os`, `cpu` and `libc`. The registry's package holds the binaries of all platforms (33 MB for 2) and
 * its compiler front end (6 MB). Nothing is compiled here: the files are those of the registry's package.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../workspace.ts";

const source = join(root, "node_modules", "zeromq");

interface Platform {
  readonly os: "linux" | "darwin" | "win32";
  readonly cpu: "x64" | "arm64";
  readonly libc?: "glibc" | "musl";
  /** Folder of the binary below `build/OS/CPU/node`. They use Node-API: one binary serves every later Node. */
  readonly build: string;
}

const platforms: readonly Platform[] = [
  { os: "linux", cpu: "x64", libc: "glibc", build: "glibc-127-Release" },
  { os: "linux", cpu: "x64", libc: "musl", build: "musl-127-Release" },
  { os: "linux", cpu: "arm64", libc: "glibc", build: "glibc-127-Release" },
  { os: "linux", cpu: "arm64", libc: "musl", build: "musl-127-Release" },
  { os: "darwin", cpu: "arm64", build: "libc-115-Release" },
  { os: "darwin", cpu: "x64", build: "libc-115-Release" },
  { os: "win32", cpu: "x64", build: "msvc-115-Release" },
];

const licences: readonly string[] = ["LICENSE.txt", "LICENSE_MPL-2.0.txt"];

function nameOf({ os, cpu, libc }: Platform): string {
  return ["@holdfast/zeromq", os, cpu, ...(libc === undefined ? [] : [libc])].join("-");
}

/** npm installs both C libraries' packages where it cannot tell them apart: the first that loads is taken. */
const loader = `"use strict";
const { platform, arch } = process;
const packages = platform === "linux" ? ["glibc", "musl"].map((libc) => \`linux-\${arch}-\${libc}\`) : [\`\${platform}-\${arch}\`];
const failures = [];
for (const name of packages) {
  try {
    exports.default = require(\`@holdfast/zeromq-\${name}\`);
    break;
  } catch (error) {
    failures.push(error.message.split("\\n")[0]);
  }
}
if (exports.default === undefined) {
  throw new Error(
    \`ZeroMQ has no binary for \${platform}-\${arch} here (\${failures.join("; ")}). Install again without --omit=optional.\`,
  );
}
Object.defineProperty(exports, "__esModule", { value: true });
`;

function writePackage(to: string, manifest: Readonly<Record<string, unknown>>): void {
  mkdirSync(to, { recursive: true });
  for (const licence of licences) cpSync(join(source, licence), join(to, licence));
  writeFileSync(join(to, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Stages the packages below `folder` and returns the dependency that takes the place of `zeromq`. */
export function stageZeromq(folder: string): Readonly<Record<string, string>> {
  const { version, engines } = JSON.parse(readFileSync(join(source, "package.json"), "utf8")) as {
    version: string;
    engines: unknown;
  };
  const common = { version, license: "MIT AND MPL-2.0", engines, repository: "github:zeromq/zeromq.js" };
  for (const platform of platforms) {
    const { os, cpu, libc, build } = platform;
    const binary = join(source, "build", os, cpu, "node", build, "addon.node");
    if (!existsSync(binary)) throw new Error(`zeromq ${version} has no ${binary}: name another build`);
    const to = join(folder, nameOf(platform).replace("@holdfast/", ""));
    const restriction = { os: [os], cpu: [cpu], ...(libc === undefined ? {} : { libc: [libc] }) };
    const description = `Binary of zeromq ${version} for ${[os, cpu, libc].filter(Boolean).join(" ")}.`;
    writePackage(to, {
      ...{ name: nameOf(platform), description, ...common },
      ...{ ...restriction, main: "addon.node", files: ["addon.node", ...licences] },
    });
    cpSync(binary, join(to, "addon.node"));
  }
  const to = join(folder, "zeromq");
  writePackage(to, {
    ...{
      name: "@holdfast/zeromq",
      description: `zeromq ${version} for Node.js, its binaries in packages of their own.`,
    },
    ...{ ...common, main: "lib/index.js", types: "lib/index.d.ts", files: ["lib", ...licences] },
    optionalDependencies: Object.fromEntries(platforms.map((platform) => [nameOf(platform), version])),
  });
  cpSync(join(source, "lib"), join(to, "lib"), {
    recursive: true,
    filter: (path) => !/(ts3\.7|tsbuildinfo|\.map)$/.test(path),
  });
  writeFileSync(join(to, "lib", "load-addon.js"), loader);
  return { zeromq: `npm:@holdfast/zeromq@${version}` };
}
