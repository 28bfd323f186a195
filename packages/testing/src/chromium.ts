/** Chromium without a window, for tests of pages. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";

const program = process.env["HOLDFAST_CHROMIUM"] ?? findChromium();

/** Why tests of pages are skipped, for the option `skip`; false if Chromium is installed. */
export const missingChromium: string | false =
  program !== undefined && existsSync(program) ? false : "needs chromium-headless-shell";

/** Arguments with which pages reach a WebRTC server on loopback, also on a machine without a network. */
export const webRtcOnLoopback: readonly string[] = [
  "--allow-loopback-in-peer-connection",
  "--disable-features=WebRtcHideLocalIpsWithMdns",
];

/** Starts a browser of its own, with a profile that goes with it. Throws if none is installed. */
export function launchChromium(more: readonly string[] = []): Promise<Browser> {
  if (program === undefined)
    throw new Error("Chromium is not installed: apt-get install chromium-headless-shell");
  const args = [
    ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
    ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
    ...more,
  ];
  return chromium.launch({ executablePath: program, args, headless: true, timeout: 120_000 });
}

/** The shell first: for the same pages it needs a third of the time that the browser with its hidden windows needs. */
function findChromium(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return ["chromium-headless-shell", "chromium"]
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => existsSync(path));
}
