import { createHash, X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findProgram } from "../display/programs.ts";

/** How browsers on the desktop reach the network. */
export interface BrowserNetwork {
  /** Origin of an HTTP proxy for everything but this machine itself. */
  readonly proxy?: string;
  /** Path of a certificate (PEM) whose authority the proxy uses to end tunnels. */
  readonly authority?: string;
}

export interface BrowserSettings {
  readonly path: string | undefined;
  /** A jail confines the browser, and does not let it make a sandbox of its own. */
  readonly jailed: boolean;
  readonly network: BrowserNetwork;
}

/** Names under which Chromium is installed. */
const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** The script of Debian reads settings in /etc, which a jail does not have; this is the program that it starts. */
const debianScript = "/usr/bin/chromium";
const debianProgram = "/usr/lib/chromium/chromium";
const debianSettings = "/etc/chromium.d";

/**
 * Writes a program into `directory` for each browser of PATH: it starts that browser with what it needs on this desktop.
 * Resolves to the environment in which programs find it; empty if there is no browser.
 */
export async function writeBrowserPrograms(
  directory: string,
  settings: BrowserSettings,
): Promise<Readonly<Record<string, string>>> {
  const browsers = names.flatMap((name) => {
    const program = findProgram(name, settings.path);
    return program === undefined ? [] : [{ name, program: withoutScript(program) }];
  });
  const [first] = browsers;
  if (first === undefined) return {};
  const programs = join(directory, "programs");
  await mkdir(programs, { mode: 0o700 });
  const flags = [...commonFlags(join(directory, "chromium")), ...(await flagsFor(settings))];
  for (const { name, program } of browsers) {
    await writeFile(join(programs, name), script(program, flags), { mode: 0o700 });
  }
  // xdg-open starts the program that BROWSER names.
  return { PATH: `${programs}:${settings.path ?? "/usr/bin:/bin"}`, BROWSER: join(programs, first.name) };
}

function withoutScript(program: string): string {
  const needsIt = program !== debianScript || existsSync(debianSettings) || !existsSync(debianProgram);
  return needsIt ? program : debianProgram;
}

function commonFlags(profile: string): readonly string[] {
  return [
    // Without it, the accessibility tree has the window, and nothing of the page.
    "--force-renderer-accessibility",
    `--user-data-dir=${profile}`,
    ...["--no-first-run", "--no-default-browser-check", "--password-store=basic", "--disable-gpu"],
    // No request but those of pages.
    ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
    "--disable-dev-shm-usage",
  ];
}

async function flagsFor({ jailed, network }: BrowserSettings): Promise<readonly string[]> {
  const flags: string[] = [];
  // Chromium does not start as root with a sandbox, and cannot make one in a jail; the other flag hides its warning.
  if (jailed || process.getuid?.() === 0) flags.push("--no-sandbox", "--test-type");
  if (network.proxy !== undefined) flags.push(`--proxy-server=${network.proxy}`);
  if (network.authority !== undefined) {
    // Chromium has a list of authorities of its own, and no option to add one for a profile.
    const { publicKey } = new X509Certificate(await readFile(network.authority));
    const digest = createHash("sha256").update(publicKey.export({ type: "spki", format: "der" }));
    flags.push(`--ignore-certificate-errors-spki-list=${digest.digest("base64")}`);
  }
  return flags;
}

function script(program: string, flags: readonly string[]): string {
  const quoted = [program, ...flags].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  return `#!/bin/sh\nexec ${quoted} "$@"\n`;
}
