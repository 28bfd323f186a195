import assert from "node:assert/strict";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { removeAtExit } from "@holdfast/testing/scratch";
import { planInstallation } from "./installation.ts";

async function pathWith(...programs: readonly string[]): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-programs-"));
  removeAtExit(directory);
  for (const program of programs) await writeFile(join(directory, program), "", { mode: 0o755 });
  return directory;
}

test("installs with the package manager that is here what is missing", async () => {
  const path = await pathWith("apk", "openbox", "ffmpeg", "dbus-daemon", "at-spi-bus-launcher");
  assert.deepEqual(planInstallation({ withFonts: true, withBrowser: false, path }), {
    manager: "apk",
    packages: ["xvfb", "xdg-utils", "xterm", "font-dejavu"],
    commands: [["apk", "add", "xvfb", "xdg-utils", "xterm", "font-dejavu"]],
  });
  const { commands } = planInstallation({
    ...{ manager: "apt", path },
    ...{ withFonts: false, withBrowser: true },
  });
  assert.deepEqual(commands.at(0), ["apt-get", "update"]);
  assert.deepEqual(commands.at(1)?.slice(-4), ["xvfb", "xdg-utils", "xterm", "chromium"]);
});

test("plans nothing where nothing is missing, and fails without a package manager", async () => {
  const accessibility = ["dbus-daemon", "at-spi-bus-launcher"];
  const path = await pathWith("dnf", "Xvfb", "openbox", "ffmpeg", "xdg-open", "xterm", ...accessibility);
  assert.deepEqual(planInstallation({ withFonts: false, withBrowser: false, path }).commands, []);
  assert.throws(
    () => planInstallation({ withFonts: true, withBrowser: false, path: "/nonexistent" }),
    /install Xvfb, openbox/,
  );
});
