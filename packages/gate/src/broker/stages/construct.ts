import { type Clock, systemRandom, uuidv7 } from "@holdfast/core";
import { brokerLimits } from "../broker-limits.ts";
import { parseStrictJson, StrictJsonError, textMember } from "../messages/strict-json.ts";
import { Refusal } from "../refusal.ts";
import type { Principal } from "../tool.ts";
import type { ConstructedCall } from "./stage.ts";

/** Readable fields of a refused frame, so that its answer reaches the caller. */
export interface Readable {
  topic: string | null;
  correlation: string | null;
}

const fields = new Set(["topic", "correlation", "arguments"]);

function refuse(message: string, field?: string): Refusal {
  return new Refusal("VALIDATION_FAILED", message, { stage: 1, ...(field === undefined ? {} : { field }) });
}

/**
 * Stage 1: creates the envelope from the three fields of the frame and the host's knowledge of its endpoint. Frames
 * with other fields are refused, so a frame cannot claim a sender.
 */
export class ConstructStage {
  readonly name = "construct";
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Fills `seen` with what can be read. Throws {@link Refusal}. */
  run(frame: Buffer, principal: Principal, seen: Readable): ConstructedCall {
    if (frame.length > brokerLimits.maxFrameBytes) {
      throw refuse(`A frame can have at most ${brokerLimits.maxFrameBytes} bytes`);
    }
    const wire = parse(frame, seen);
    const { topic, correlation, arguments: args } = wire;
    note(seen, topic, correlation);
    for (const name of Object.keys(wire)) {
      if (!fields.has(name))
        throw refuse("A frame can only have the fields topic, correlation and arguments");
    }
    if (!isCorrelation(correlation)) throw refuse("The correlation must have 1 to 128 printable characters");
    if (!isTopic(topic)) throw refuse("The topic must have 1 to 256 characters");
    if (!isObject(args)) throw refuse("The arguments must be an object");
    checkArgumentSizes(args, frame.length);
    return {
      envelope: {
        id: uuidv7(this.#clock, systemRandom),
        version: 1,
        type: "request",
        topic,
        source: principal.jailId,
        correlation,
        timestamp: new Date(this.#clock.now()).toISOString(),
        group: principal.group,
        payload: { arguments: args },
      },
      principal,
      bytes: frame.length,
    };
  }
}

function note(seen: Readable, topic: unknown, correlation: unknown): void {
  if (isCorrelation(correlation)) seen.correlation = correlation;
  if (isTopic(topic)) seen.topic = topic;
}

function parse(frame: Buffer, seen: Readable): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parseStrictJson(frame, brokerLimits.maxDepth);
  } catch (error) {
    if (error instanceof StrictJsonError) {
      // The error can be in the arguments alone, and the caller waits for an answer to this call.
      note(seen, textMember(frame, "topic"), textMember(frame, "correlation"));
      throw refuse(`The frame cannot be read: ${error.message}`);
    }
    throw error;
  }
  if (!isObject(value)) throw refuse("The frame is not an object");
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCorrelation(value: unknown): value is string {
  return typeof value === "string" && /^[\x21-\x7e]{1,128}$/.test(value);
}

function isTopic(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= brokerLimits.maxTopicCharacters;
}

function checkArgumentSizes(args: Readonly<Record<string, unknown>>, frameBytes: number): void {
  // No member is larger than the frame it came in.
  if (frameBytes <= brokerLimits.maxArgumentBytes) return;
  for (const [name, value] of Object.entries(args)) {
    if (Buffer.byteLength(JSON.stringify(value)) > brokerLimits.maxArgumentBytes) {
      throw refuse(`An argument can have at most ${brokerLimits.maxArgumentBytes} bytes`, pointer(name));
    }
  }
}

function pointer(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
