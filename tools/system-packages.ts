/**
 * Debian packages that the tests, the bench and the like need. Installs what is missing when it may (root,
 * apt-get); otherwise names the exact command and goes on: tests that need them skip by name. `npm test` asks
 * for it by itself, the other commands run this file first.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

interface SystemPackage {
  readonly name: string;
  /** The program that shows that it is there. */
  readonly program: string;
  readonly purpose: string;
}

const needed: readonly SystemPackage[] = [
  { name: "git", program: "git", purpose: "repositories" },
  { name: "bubblewrap", program: "bwrap", purpose: "jails" },
  { name: "chromium", program: "chromium", purpose: "browser tests" },
  { name: "gcc", program: "gcc", purpose: "attacks on the system-call filter" },
  { name: "perl", program: "perl", purpose: "attacks from a script" },
  { name: "dovecot-imapd", program: "dovecot", purpose: "a mailbox for the mail plugin" },
  { name: "exim4-daemon-light", program: "exim4", purpose: "a mail server for the mail plugin" },
  { name: "curl", program: "curl", purpose: "tunnels out of a jail" },
  { name: "openssl", program: "openssl", purpose: "certificates of test servers" },
  { name: "podman", program: "podman", purpose: "containers" },
  { name: "docker.io", program: "dockerd", purpose: "containers" },
  { name: "runc", program: "runc", purpose: "containers" },
  { name: "runsc", program: "runsc", purpose: "gVisor jails" },
  { name: "catatonit", program: "catatonit", purpose: "the first process in containers" },
];

function present(program: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
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

/** Names of packages that are still missing afterwards. */
export function ensureSystemPackages(): string[] {
  const missing = needed.filter((item) => !present(item.program));
  if (missing.length === 0) return [];
  const names = missing.map((item) => item.name);
  const mayInstall = process.getuid?.() === 0 && present("apt-get");
  if (mayInstall) {
    console.log(
      `Installing Debian packages: ${missing.map((item) => `${item.name} (${item.purpose})`).join(", ")}`,
    );
    if (apt(["update"])) apt(["install", "-y", "--no-install-recommends", ...names]);
  }
  const still = missing.filter((item) => !present(item.program)).map((item) => item.name);
  if (still.length > 0)
    console.log(`Missing programs. Install them with: sudo apt-get install -y ${still.join(" ")}`);
  return still;
}

if (import.meta.main) ensureSystemPackages();
