/** Screenshots, input, start, recording and stream of a desktop. */
import { setTimeout as delay } from "node:timers/promises";
import {
  ensure,
  type Figure,
  type Floor,
  interleave,
  least,
  median,
  type Outcome,
  type Scenario,
} from "../internal/scenario.ts";
import { cpuMs, type Desktop, fillScreen, timed, withDesktop } from "./desktop.ts";
import { stream } from "./stream.ts";

/** What a process an action costs; ours has to stay below this part of it. */
const ofProgram = 0.75;
const inputsEach = 50;
/** A start may take as long as this many of the X server and the window manager by themselves. */
const startsOfXvfb = 4;
const recordingMs = 3_000;
const recordingShare = 0.2;

const screenshot: Scenario = { name: "screenshot", run: () => withDesktop(measureScreenshots) };
const input: Scenario = { name: "input", run: () => withDesktop(measureInput) };
const start: Scenario = { name: "desktop-start", run: () => withDesktop(measureStart) };
const recording: Scenario = { name: "recording", run: () => withDesktop(measureRecording) };

export const scenarios: readonly Scenario[] = [screenshot, input, start, recording, stream];

async function measureScreenshots(desktop: Desktop): Promise<Outcome> {
  await desktop.start();
  await fillScreen(desktop);
  const ours = (format: string) => async () => {
    const image = await desktop.get(`desktop/screenshot?format=${format}`);
    ensure(image.length > 10_000, `a screenshot of ${image.length} bytes`);
  };
  const maim = (format: string) => async () => {
    const image = await desktop.run("maim", ["--hidecursor", "--format", format]);
    ensure(image.length > 10_000, `a screenshot of ${image.length} bytes`);
  };
  const samples = await interleave({
    "PNG, ours": () => timed(ours("png")),
    "JPEG, ours": () => timed(ours("jpeg")),
    "PNG, maim": () => timed(maim("png")),
    "JPEG, maim": () => timed(maim("jpg")),
  });
  return {
    figures: Object.entries(samples).map(([name, times]) =>
      figure(name, times, name.startsWith("JPEG, ours")),
    ),
    floors: [
      below("PNG screenshot", samples, "PNG, ours", "PNG, maim"),
      below("JPEG screenshot", samples, "JPEG, ours", "JPEG, maim"),
    ],
    samples,
  };
}

async function measureInput(desktop: Desktop): Promise<Outcome> {
  await desktop.start();
  let at = 0;
  const next = () => {
    at = (at + 7) % 800;
    return { x: at, y: at };
  };
  const samples = await interleave({
    ours: async () => {
      const ms = await timed(async () => {
        for (let done = 0; done < inputsEach; done += 1) await desktop.post("desktop/mouse/move", next());
      });
      return ms / inputsEach;
    },
    xdotool: async () => {
      const { x, y } = next();
      return await timed(() =>
        desktop.run("xdotool", ["mousemove", String(x), String(y), "getmouselocation"]),
      );
    },
  });
  return {
    figures: Object.entries(samples).map(([name, times]) => figure(name, times)),
    floors: [below("move of the pointer", samples, "ours", "xdotool")],
    samples,
  };
}

async function measureStart(desktop: Desktop): Promise<Outcome> {
  const samples = await interleave(
    {
      ours: async () => {
        const ms = await timed(() => desktop.start());
        await desktop.post("desktop/stop");
        return ms;
      },
      // Begins, accepts one client, and ends with it.
      "Xvfb alone": () => timed(() => desktop.run("xvfb-run", ["-a", "true"])),
    },
    5,
  );
  const limit = startsOfXvfb * least(samples["Xvfb alone"]);
  return {
    figures: Object.entries(samples).map(([name, times]) => figure(name, times)),
    floors: [{ name: "start of a desktop", value: least(samples.ours), limit, unit: "ms", better: "less" }],
    samples,
  };
}

async function measureRecording(desktop: Desktop): Promise<Outcome> {
  await desktop.start();
  await fillScreen(desktop);
  const share = async () => {
    const { processId } = await desktop.post("desktop/recording/start", { fps: 15 });
    const { pid } = await desktop.read(`processes/${String(processId)}`);
    const before = cpuMs(Number(pid));
    const ms = await timed(() => delay(recordingMs));
    const used = cpuMs(Number(pid)) - before;
    await desktop.post("desktop/recording/stop");
    return used / ms;
  };
  const samples = await interleave({ ours: share }, 3);
  const value = least(samples.ours);
  return {
    figures: [{ name: "share of a core at 15 frames", value, unit: "times" }],
    floors: [{ name: "recording", value, limit: recordingShare, unit: "times", better: "less" }],
    samples,
  };
}

function figure(name: string, times: readonly number[], isOwn = false): Figure {
  const value = least(times);
  const detail = `median ${median(times).toFixed(1)} ms`;
  return { name, value, unit: "ms", detail, ...(isOwn ? { own: true } : {}) };
}

function below<Name extends string>(
  name: string,
  samples: Readonly<Record<Name, readonly number[]>>,
  ours: Name,
  program: Name,
): Floor {
  return {
    ...{ name, value: least(samples[ours]), limit: ofProgram * least(samples[program]) },
    ...{ unit: "ms", better: "less" },
  };
}
