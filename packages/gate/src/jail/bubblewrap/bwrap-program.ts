import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import type { HoldfastError } from "@holdfast/core";
import { checkExhausted, unavailable } from "../jail-errors.ts";

/** The command that installs bubblewrap on this system, as a sentence. */
export function installHint(): string {
  const systems: readonly [string, string][] = [
    ["/usr/bin/apt-get", "apt-get install --yes bubblewrap"],
    ["/usr/bin/dnf", "dnf install --assumeyes bubblewrap"],
    ["/usr/bin/pacman", "pacman -S --noconfirm bubblewrap"],
    ["/sbin/apk", "apk add bubblewrap"],
  ];
  const command = systems.find(([program]) => existsSync(program))?.[1];
  if (command === undefined) return "Install the package bubblewrap of your system.";
  return `Run: ${process.getuid?.() === 0 ? "" : "sudo "}${command}`;
}

/** Versions by file: a start asks twice, before the package is installed and when the driver opens. */
const versions = new Map<string, string>();

/** The version of bwrap at `path`, for example "0.8.0". Throws `jail.unavailable` when it cannot run. */
export function bwrapVersion(path: string): string {
  const file = fileOf(path);
  const version = versions.get(file) ?? askVersion(path);
  versions.set(file, version);
  return version;
}

function fileOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return [path, stat?.dev, stat?.ino, stat?.size, stat?.mode, stat?.mtimeMs, stat?.ctimeMs].join();
}

function askVersion(path: string): string {
  const result = spawnSync(path, ["--version"], { encoding: "utf8", env: {}, timeout: 10_000 });
  const version = /bubblewrap (\d+\.\d+\.\d+)/.exec(result.stdout ?? "")?.[1];
  if (version === undefined) {
    checkExhausted(path, result.error);
    throw unavailable(`${path} is not a working bubblewrap. ${installHint()}`, result.error);
  }
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major === 0 && minor < 8) {
    throw unavailable(`bubblewrap ${version} at ${path} is too old: jails need 0.8 or later`);
  }
  return version;
}

function readSetting(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return undefined;
  }
}

const apparmorProfile = `sudo tee /etc/apparmor.d/bwrap >/dev/null <<'END'
abi <abi/4.0>,
include <tunables/global>
profile bwrap /usr/bin/bwrap flags=(unconfined) {
  userns,
}
END
sudo apparmor_parser --replace /etc/apparmor.d/bwrap`;

/** `jail.unavailable` from the error output of bwrap, with the fix in the message. */
export function explainFailure(stderr: string): HoldfastError {
  const said = stderr.trim().split("\n").slice(-3).join(" ").slice(0, 500);
  const settings = {
    restricted: readSetting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
    clone: readSetting("/proc/sys/kernel/unprivileged_userns_clone"),
    maxNamespaces: readSetting("/proc/sys/user/max_user_namespaces"),
  };
  return unavailable(`bubblewrap cannot create a jail here (${said}). ${suggestFix(said, settings)}`);
}

interface NamespaceSettings {
  readonly restricted: string | undefined;
  readonly clone: string | undefined;
  readonly maxNamespaces: string | undefined;
}

/** The narrowest change that lets bubblewrap work, from its output and the kernel's settings. */
export function suggestFix(said: string, settings: NamespaceSettings): string {
  if (settings.maxNamespaces === "0")
    return "User namespaces are off. Run: sudo sysctl user.max_user_namespaces=15000";
  if (settings.clone === "0") {
    return "User namespaces are off for ordinary users. Run: sudo sysctl kernel.unprivileged_userns_clone=1";
  }
  if (settings.restricted === "1") {
    return `AppArmor restricts user namespaces; allow them for bubblewrap alone:\n${apparmorProfile}`;
  }
  if (/proc/.test(said) && /mount/i.test(said)) {
    return "This container hides parts of /proc. Run Holdfast outside of it, or with --security-opt systempaths=unconfined.";
  }
  if (/namespace|uid map|Operation not permitted|No permissions/i.test(said)) {
    return "A container or security policy forbids namespaces. In Docker: --security-opt seccomp=unconfined --security-opt apparmor=unconfined.";
  }
  return "See docs/reference/jails.md for what a jail needs.";
}
