/** One event, and a burst of events, to a thousand subscribers, compared with a bare broadcast of `ws`. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeValue } from "@holdfast/core";
import {
  ensure,
  type Figure,
  interleave,
  least,
  median,
  type Outcome,
  rounds,
  type Scenario,
} from "../internal/scenario.ts";
import type { ExpectJob, SubscribeJob } from "../internal/subscribers.ts";
import { Target } from "../internal/target.ts";

const sockets = 1_000;
const burst = 50;
const repeats = 5;
const burstFactor = 4;
/** A round of single events takes a tenth of a second: many of them find the quiet moments of a busy machine. */
const singleRoundsFactor = 3;
/**
 * Events before those that are timed. A receiver that heard nothing for a while acknowledges its next 16
 * packets at once, at the expense of the sender, before it does so as it reads: a burst of fifty writes has
 * used them up and one of a single write has not, so that what ran before would be measured.
 */
const quickAcks = 16;
/** Rounds of the same code differ by this factor in time, which other work on the machine lengthens. */
const timeNoise = 1.25;
/** Rounds of the same code differ by this factor in CPU. */
const cpuNoise = 1.1;

class Subscribers {
  readonly #child: ChildProcess = fork(new URL("../internal/subscribers.ts", import.meta.url), {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });

  async ask<T>(job: SubscribeJob | ExpectJob): Promise<T> {
    this.#child.send(job);
    return this.next<T>();
  }

  async next<T>(): Promise<T> {
    const [answer] = (await once(this.#child, "message", { signal: AbortSignal.timeout(30_000) })) as [T];
    return answer;
  }

  close(): void {
    this.#child.kill();
  }
}

interface Sample {
  /** Milliseconds until all have got all, of each repetition. */
  readonly ms: readonly number[];
  /** CPU time of the server for one event to all of them, in microseconds. */
  readonly cpuMicros: number;
}

/** Milliseconds until all subscribers have got all events. */
async function sendOnce(target: Target, subscribers: Subscribers, events: number): Promise<number> {
  const { expecting } = await subscribers.ask<{ expecting: number }>({ type: "expect", events });
  ensure(expecting === events * sockets, "not all sockets are there");
  const all = subscribers.next<{ at: number }>();
  const startedAt = await target.burst(events);
  return (await all).at - startedAt;
}

async function send(target: Target, subscribers: Subscribers, events: number): Promise<Sample> {
  if (events === 1) for (let n = 0; n < quickAcks; n++) await sendOnce(target, subscribers, 1);
  const before = await target.cpuMicros();
  const ms: number[] = [];
  for (let n = 0; n < repeats; n++) ms.push(await sendOnce(target, subscribers, events));
  return { ms, cpuMicros: ((await target.cpuMicros()) - before) / (repeats * events) };
}

async function measure(): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const bare = await Target.start("echo-target");
  const actor = await Target.start("holdfast-target", [directory]);
  const ofBare = new Subscribers();
  const ofActor = new Subscribers();
  try {
    await ofBare.ask({ type: "subscribe", port: bare.port, path: "/", sockets });
    await ofActor.ask({
      type: "subscribe",
      port: actor.port,
      path: "/actors/ticker/@bench,/connect?create=true",
      sockets,
      protocol: "holdfast.v1",
      subscribe: Buffer.from(encodeValue([[3, "tick"]])).toString("base64"),
    });
    // An action that reaches the actor after the subscriptions have: sockets are read in turns.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const single = await interleave(
      { actorOne: () => send(actor, ofActor, 1), bareOne: () => send(bare, ofBare, 1) },
      rounds * singleRoundsFactor,
    );
    const bursts = await interleave({
      actorBurst: () => send(actor, ofActor, burst),
      bareBurst: () => send(bare, ofBare, burst),
    });
    return outcomeOf({ ...single, ...bursts });
  } finally {
    ofBare.close();
    ofActor.close();
    await bare.stop();
    await actor.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

function outcomeOf(
  samples: Readonly<Record<"actorOne" | "bareOne" | "actorBurst" | "bareBurst", readonly Sample[]>>,
): Outcome {
  const msOf = (name: keyof typeof samples): number => least(samples[name].map((each) => median(each.ms)));
  const cpuMicros = (name: keyof typeof samples): number =>
    least(samples[name].map((each) => each.cpuMicros));
  const cpuOf = (name: keyof typeof samples): string =>
    `server ${cpuMicros(name).toFixed(0)} us CPU an event`;
  const rate = (name: "actorBurst" | "bareBurst"): number => (burst * 1_000) / msOf(name);
  const figures: Figure[] = [
    { name: "one event", value: msOf("actorOne"), unit: "ms", detail: cpuOf("actorOne") },
    { name: "bare ws", value: msOf("bareOne"), unit: "ms", detail: cpuOf("bareOne") },
    {
      name: `burst of ${burst}`,
      own: true,
      value: rate("actorBurst"),
      unit: "/s",
      detail: cpuOf("actorBurst"),
    },
    { name: "bare ws, burst", value: rate("bareBurst"), unit: "/s", detail: cpuOf("bareBurst") },
  ];
  return {
    figures,
    floors: [
      {
        name: `one event to ${sockets}`,
        value: msOf("actorOne"),
        limit: msOf("bareOne") * timeNoise,
        unit: "ms",
        better: "less",
      },
      {
        name: `CPU of one event to ${sockets}`,
        value: cpuMicros("actorOne"),
        limit: cpuMicros("bareOne") * cpuNoise,
        unit: "us",
        better: "less",
      },
      {
        name: `events of a burst to ${sockets}`,
        value: rate("actorBurst"),
        limit: burstFactor * rate("bareBurst"),
        unit: "/s",
        better: "more",
      },
    ],
    samples,
  };
}

export const subscribers: Scenario = { name: "subscribers-1000", run: measure };
