/**
 * Debian packages that a command needs beside Node. Each command installs only those that what it runs needs,
 * after printing them: when it may (root, apt-get), and at a terminal once a person has agreed. Otherwise it names
 * the exact command and goes on, and what needs them is skipped by name.
 *
 * `node tools/system-packages.ts PATH...` is for commands: each path stands for the files that it runs.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline/promises";

interface SystemPackage {
  readonly name: string;
  /** Program whose presence shows that the package is installed: in PATH, or an absolute path. */
  readonly program: string;
  readonly purpose: string;
  /** Paths of the tests and benches that need it. */
  readonly neededBy: RegExp;
}

const jails =
  /^(packages\/(gate|guest|plugins|sandbox|sandbox-client|studio|holdfast)\/|tests\/(agents|crash|e2e|looks|packed|sandbox-sdk|scale|security|soak|vm)\/|bench\/(gate|sandbox)|docs|examples\/cluster|(examples|tests)\/products\/pull-request-bot|tools\/(attacks|mutation))/;
const browsers =
  /^(packages\/(react|sandbox|sandbox-client|sandbox-react)\/|tests\/(e2e|looks|packed|products|sandbox-sdk|scale|site)\/|tests\/compat\/client\/browser|bench\/desktop|examples\/(react|cluster)\/.*test)/;
const containers =
  /^(packages\/(gate|sandbox-client|studio|testing)\/|tests\/security\/|tools\/(attacks|mutation))/;
const attacks =
  /^(packages\/(gate|holdfast|sandbox|studio)\/|tests\/(security|vm)\/|tools\/(attacks|mutation))/;
const shells = /^packages\/holdfast\/tests\/completion/;
const databases =
  /^(packages\/store-postgres\/|packages\/holdfast\/tests\/postgres|tests\/cluster\/|tests\/deploy\/|tests\/packed\/next|bench\/cluster|examples\/cluster)/;
const redis = /^(packages\/store-redis\/|packages\/holdfast\/tests\/redis|bench\/cluster)/;
const ssh = /^packages\/studio\/tests\/repositories/;
const desktops =
  /^(packages\/sandbox\/|tests\/(agents|sandbox-sdk|security)\/|bench\/desktop|tools\/attacks)/;
const peerDesktops = /^bench\/desktop/;
const mail = /^(packages\/plugins\/|tests\/agents\/)/;

const known: readonly SystemPackage[] = [
  { name: "git", program: "git", purpose: "repositories", neededBy: jails },
  { name: "bubblewrap", program: "bwrap", purpose: "jails", neededBy: jails },
  {
    ...{ name: "chromium-headless-shell", program: "chromium-headless-shell", purpose: "browser tests" },
    neededBy: browsers,
  },
  { name: "gcc", program: "gcc", purpose: "attacks on the system-call filter", neededBy: attacks },
  { name: "perl", program: "perl", purpose: "attacks from a script", neededBy: attacks },
  { name: "curl", program: "curl", purpose: "tunnels out of a jail", neededBy: attacks },
  {
    ...{ name: "python3", program: "python3", purpose: "generated clients, and TOML" },
    neededBy: /^(packages\/holdfast\/src\/generate\/|examples\/python-and-go\/|tests\/deploy\/)/,
  },
  { name: "caddy", program: "caddy", purpose: "TLS before a server", neededBy: /^tests\/deploy\// },
  {
    ...{ name: "prometheus", program: "prometheus", purpose: "a scraper of metrics" },
    neededBy: /^tests\/deploy\//,
  },
  { name: "zsh", program: "zsh", purpose: "completion in zsh", neededBy: shells },
  { name: "fish", program: "fish", purpose: "completion in fish", neededBy: shells },
  { name: "openssh-server", program: "sshd", purpose: "a git server over SSH", neededBy: ssh },
  { name: "dovecot-imapd", program: "dovecot", purpose: "a mailbox for the mail plugin", neededBy: mail },
  { name: "exim4-daemon-light", program: "exim4", purpose: "a server for the mail plugin", neededBy: mail },
  { name: "postgresql", program: "pg_ctlcluster", purpose: "a database server", neededBy: databases },
  {
    name: "pgbouncer",
    program: "pgbouncer",
    purpose: "a pooler of database connections",
    neededBy: databases,
  },
  { name: "redis-server", program: "redis-server", purpose: "a Redis server", neededBy: redis },
  {
    ...{ name: "nats-server", program: "nats-server", purpose: "a server for wake-ups between nodes" },
    neededBy: /^(tests\/cluster\/|examples\/cluster)/,
  },
  {
    name: "faketime",
    program: "faketime",
    purpose: "nodes with wrong clocks",
    neededBy: /^tests\/cluster\//,
  },
  {
    name: "iproute2",
    program: "ip",
    purpose: "networks that are partitioned",
    neededBy: /^tests\/cluster\//,
  },
  {
    ...{ name: "openssl", program: "openssl", purpose: "certificates of test servers" },
    neededBy:
      /^(packages\/(gate|plugins)\/|tests\/(agents|cluster|security)\/|tests\/compat\/client\/browser|bench\/gate)/,
  },
  { name: "xvfb", program: "Xvfb", purpose: "the screen of a desktop", neededBy: desktops },
  { name: "openbox", program: "openbox", purpose: "the window manager of a desktop", neededBy: desktops },
  { name: "ffmpeg", program: "ffmpeg", purpose: "recordings of a desktop", neededBy: desktops },
  { name: "xterm", program: "xterm", purpose: "an application on a desktop", neededBy: desktops },
  { name: "xclip", program: "xclip", purpose: "another owner of the clipboard", neededBy: desktops },
  { name: "xdg-utils", program: "xdg-open", purpose: "opening files on a desktop", neededBy: desktops },
  { name: "dbus", program: "dbus-daemon", purpose: "the message bus of a desktop", neededBy: desktops },
  {
    ...{ name: "at-spi2-core", program: "/usr/libexec/at-spi-bus-launcher" },
    ...{ purpose: "the accessibility tree of a desktop", neededBy: desktops },
  },
  { name: "chromium", program: "chromium", purpose: "a browser on a desktop", neededBy: desktops },
  { name: "xdotool", program: "xdotool", purpose: "input as others send it", neededBy: peerDesktops },
  { name: "maim", program: "maim", purpose: "screenshots as others take them", neededBy: peerDesktops },
  { name: "podman", program: "podman", purpose: "containers", neededBy: containers },
  { name: "docker.io", program: "dockerd", purpose: "containers", neededBy: containers },
  { name: "runc", program: "runc", purpose: "containers", neededBy: containers },
  {
    name: "catatonit",
    program: "catatonit",
    purpose: "the first process in containers",
    neededBy: containers,
  },
  {
    ...{ name: "runsc", program: "runsc", purpose: "gVisor jails" },
    neededBy: /^(packages\/(gate|holdfast|studio)\/|tests\/security\/|tools\/(attacks|mutation))/,
  },
];

/** Packages that these files need, installed or not. */
export function systemPackagesOf(paths: readonly string[]): readonly string[] {
  return known.filter(({ neededBy }) => paths.some((path) => neededBy.test(path))).map(({ name }) => name);
}

function present(program: string): boolean {
  const folders = program.startsWith("/") ? [""] : (process.env["PATH"] ?? "").split(delimiter);
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function apt(args: readonly string[]): boolean {
  const result = spawnSync("apt-get", args, {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  return result.status === 0;
}

/**
 * At a terminal the user decides. Without a terminal the command continues by itself, so that one line runs the tests.
 */
async function agreed(): Promise<boolean> {
  if (process.env["CI"] === "true" || !process.stdin.isTTY || !process.stdout.isTTY) return true;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return !/^n(o)?$/i.test((await terminal.question("Install them with apt-get? [Y/n] ")).trim());
  } finally {
    terminal.close();
  }
}

/** Installs the missing packages that `paths` need, when it may. Resolves to the names that are still missing. */
export async function ensureSystemPackages(paths: readonly string[]): Promise<readonly string[]> {
  const names = systemPackagesOf(paths);
  const needed = known.filter(({ name }) => names.includes(name));
  const missing = needed.filter((item) => !present(item.program));
  if (missing.length === 0) return [];
  console.log("Debian packages that are missing for this command:");
  for (const { name, purpose } of missing) console.log(`  ${name.padEnd(20)} ${purpose}`);
  const mayInstall = process.getuid?.() === 0 && present("apt-get");
  if (mayInstall && (await agreed()) && apt(["update"]))
    apt(["install", "-y", "--no-install-recommends", ...missing.map(({ name }) => name)]);
  const still = missing.filter((item) => !present(item.program)).map(({ name }) => name);
  if (still.length > 0)
    console.log(
      `Install them yourself: sudo apt-get install -y ${still.join(" ")}. What needs them is skipped.`,
    );
  return still;
}

if (import.meta.main) await ensureSystemPackages(process.argv.slice(2));
