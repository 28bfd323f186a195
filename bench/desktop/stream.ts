/** The live picture of a desktop in Chromium: from the screen to the page, from the page to the screen, and its price. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Page } from "playwright-core";
import { rolldown } from "rolldown";
import { ensure, type Figure, type Outcome, quantile, type Scenario } from "../internal/scenario.ts";
import { counter } from "./counter.ts";
import { CounterWindow } from "./counter-window.ts";
import { cpuMs, Desktop, fillScreen } from "./desktop.ts";

const transports = ["webrtc", "frames"] as const;
type Transport = (typeof transports)[number];
const labels: Readonly<Record<Transport, string>> = { webrtc: "WebRTC", frames: "JPEG" };

const paints = 120;
const moves = 60;
/** Longer than a frame and no multiple of it, so that all moments between two frames occur. */
const paintEveryMs = { least: 70, most: 130 };
const settleMs = 3_000;
const latencyLimitMs = 120;
const coreLimit = 0.6;
const framesLimit = 19;
const inputLimitMs = 10;

interface Watched {
  /** From the start of a paint to the display of its frame, in milliseconds. */
  readonly latencies: readonly number[];
  /** From the page to an X client below the pointer. */
  readonly inputs: readonly number[];
  readonly framesPerSecond: number;
  /** Shares of a core. */
  readonly server: number;
  readonly ffmpeg: number;
  readonly xServer: number;
}

/** What the page has told. */
interface Seen {
  readonly shown: readonly { readonly value: number; readonly at: number }[];
  readonly frames: number;
  /** On the clock of the page. */
  readonly at: number;
}

export const stream: Scenario = { name: "stream", run: measure };

async function measure(): Promise<Outcome> {
  const home = await mkdtemp(join(tmpdir(), "holdfast-bench-"));
  const server = fork(new URL("./server-process.ts", import.meta.url), [home]);
  const browser = await launchChromium(["--allow-loopback-in-peer-connection"]);
  try {
    const [{ url, token }] = (await once(server, "message")) as [{ url: string; token: string }];
    const desktop = new Desktop(url, token);
    await desktop.start();
    process.env["XAUTHORITY"] = desktop.env["XAUTHORITY"];
    await fillScreen(desktop);
    const window = await CounterWindow.open(desktop.env["DISPLAY"] ?? "");
    const page = await browser.newPage({ viewport: { width: 1_440, height: 900 } });
    // Any page of the server's own origin.
    await page.goto(`${url}/v1/health`);
    await page.addScriptTag({ content: await viewerProgram() });
    const samples: Partial<Record<Transport, Watched>> = {};
    for (const transport of transports) {
      await page.evaluate(`look(${JSON.stringify({ baseUrl: url, token, transport })})`);
      await delay(settleMs);
      samples[transport] = await watch({ page, window, desktop, serverPid: server.pid ?? 0 });
      await page.evaluate("leave()");
    }
    window.close();
    return outcome(samples as Record<Transport, Watched>);
  } finally {
    await browser.close();
    const ended = once(server, "exit");
    server.disconnect();
    await ended;
    await rm(home, { recursive: true, force: true });
  }
}

async function viewerProgram(): Promise<string> {
  const build = await rolldown({
    input: new URL("./viewer.mjs", import.meta.url).pathname,
    platform: "browser",
    // The client loads parts for Node when they are called.
    external: /^node:/,
    logLevel: "silent",
  });
  const { output } = await build.generate({ format: "iife", codeSplitting: false });
  await build.close();
  return output[0].code;
}

async function watch(parts: {
  readonly page: Page;
  readonly window: CounterWindow;
  readonly desktop: Desktop;
  readonly serverPid: number;
}): Promise<Watched> {
  const { page, window, desktop, serverPid } = parts;
  const { processId } = await desktop.read("desktop/stream/status");
  const { pid } = await desktop.read(`processes/${String(processId)}`);
  const { processes } = await desktop.read("desktop/status");
  const [{ pid: xPid }] = processes as [{ pid: number }];
  const cpu = () => [serverPid, Number(pid), xPid].map(cpuMs);
  const before = { cpu: cpu(), at: performance.now(), seen: await page.evaluate<Seen>("seen()") };
  const painted: { readonly value: number; readonly at: number }[] = [];
  for (let value = 1; value <= paints; value += 1) {
    painted.push({ value, at: await window.paint(value) });
    const { least, most } = paintEveryMs;
    await delay(least + Math.random() * (most - least));
  }
  const used = cpu().map(
    (each, index) => (each - (before.cpu[index] ?? 0)) / (performance.now() - before.at),
  );
  const after = await page.evaluate<Seen>("seen()");
  const inputs: number[] = [];
  for (let move = 0; move < moves; move += 1) {
    const x = 1 + ((move * 7) % (counter.bits * counter.pixels - 2));
    const reached = window.motionTo(x);
    const sentAt = await page.evaluate<number>(`move(${x})`);
    inputs.push((await reached) - sentAt);
  }
  const [server = 0, ffmpeg = 0, xServer = 0] = used;
  return {
    ...{ latencies: latencies(painted, after.shown), inputs, server, ffmpeg, xServer },
    framesPerSecond: ((after.frames - before.seen.frames) * 1_000) / (after.at - before.seen.at),
  };
}

function latencies(
  painted: readonly { readonly value: number; readonly at: number }[],
  shown: Seen["shown"],
): number[] {
  const found = painted.flatMap(({ value, at }) => {
    const shownAt = shown.find((each) => each.value === value && each.at > at)?.at;
    return shownAt === undefined ? [] : [shownAt - at];
  });
  // Two paints may fall between the same two frames.
  ensure(found.length >= paints * 0.9, `${found.length} of ${paints} numbers were shown`);
  return found;
}

function outcome(samples: Record<Transport, Watched>): Outcome {
  const figures = transports.flatMap((transport) => figuresOf(transport, samples[transport]));
  const { latencies: times, framesPerSecond, server, ffmpeg, inputs } = samples.webrtc;
  return {
    figures,
    floors: [
      {
        ...{ name: "WebRTC, screen to page", value: quantile(times, 0.5), limit: latencyLimitMs },
        ...{ unit: "ms", better: "less" },
      },
      {
        ...{ name: "WebRTC, pictures", value: framesPerSecond, limit: framesLimit },
        ...{ unit: "/s", better: "more" },
      },
      {
        ...{ name: "WebRTC, share of a core", value: server + ffmpeg, limit: coreLimit },
        ...{ unit: "times", better: "less" },
      },
      {
        ...{ name: "WebRTC, page to screen", value: quantile(inputs, 0.5), limit: inputLimitMs },
        ...{ unit: "ms", better: "less" },
      },
    ],
    samples,
  };
}

function figuresOf(transport: Transport, watched: Watched): Figure[] {
  const { latencies: times, inputs, framesPerSecond, server, ffmpeg, xServer } = watched;
  const share = (value: number) => value.toFixed(2);
  const own = { own: true } as const;
  const label = labels[transport];
  return [
    {
      ...{ name: `${label}, screen to page`, value: quantile(times, 0.5), unit: "ms", ...own },
      detail: `95 of 100 within ${quantile(times, 0.95).toFixed(0)} ms`,
    },
    {
      ...{ name: `${label}, page to screen`, value: quantile(inputs, 0.5), unit: "ms", ...own },
      detail: `95 of 100 within ${quantile(inputs, 0.95).toFixed(1)} ms`,
    },
    // As JPEG, pictures are sent when they differ.
    { name: `${label}, pictures`, value: framesPerSecond, unit: "/s", ...own },
    {
      ...{ name: `${label}, share of a core`, value: server + ffmpeg, unit: "times", ...own },
      detail: `server ${share(server)}, ffmpeg ${share(ffmpeg)}; the X server ${share(xServer)} beside them`,
    },
  ];
}
