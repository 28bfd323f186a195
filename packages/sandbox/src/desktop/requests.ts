import { isAbsolute } from "node:path";
import { invalid, isRecord } from "../http/problem.ts";
import { invalidAction } from "./errors.ts";
import { isTypeable } from "./input/key-names.ts";
import type {
  ImageFormat,
  KeyModifiers,
  MouseButton,
  Region,
  ScreenshotOptions,
  Selection,
  StartOptions,
} from "./types.ts";

/** X coordinates and sizes are signed 16-bit numbers. */
const maxCoordinate = 32_767;
const maxClicks = 100;
const maxWheelClicks = 1_000;
const maxTextCharacters = 100_000;
const maxDelayMs = 1_000;
const maxTypingMs = 300_000;
const maxRecordingFps = 60;
const maxStreamFps = 60;

/** Bounds of the screen: those of X, and a size that one request can capture. */
const maxScreenSide = 8_192;
const maxScreenPixels = 32 * 1_048_576;

/** Reads the members of a JSON body. A wrong type is 422, a value out of range 400. */
export class Body {
  readonly #members: Record<string, unknown>;

  constructor(value: unknown, name = "the request body") {
    if (!isRecord(value)) throw invalid(`${name} must be an object`, 422);
    this.#members = value;
  }

  optionalInteger(name: string, min: number, max: number): number | undefined {
    const value = this.#members[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== "number" || !Number.isInteger(value))
      throw invalid(`${name} must be an integer`, 422);
    return inRange(name, value, min, max);
  }

  integer(name: string, min: number, max: number): number {
    const value = this.optionalInteger(name, min, max);
    if (value === undefined) throw invalid(`${name} is missing`, 422);
    return value;
  }

  optionalText(name: string): string | undefined {
    const value = this.#members[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== "string" || value.includes("\0")) throw invalid(`${name} must be a string`, 422);
    return value;
  }

  text(name: string): string {
    const value = this.optionalText(name);
    if (value === undefined) throw invalid(`${name} is missing`, 422);
    return value;
  }

  texts(name: string): readonly string[] {
    const value = this.#members[name] ?? [];
    const isTexts = (items: unknown): items is string[] =>
      Array.isArray(items) && items.every((item) => typeof item === "string" && !item.includes("\0"));
    if (!isTexts(value)) throw invalid(`${name} must be an array of strings`, 422);
    return value;
  }

  flag(name: string): boolean {
    const value = this.#members[name];
    if (value === undefined || value === null) return false;
    if (typeof value !== "boolean") throw invalid(`${name} must be true or false`, 422);
    return value;
  }

  choice<T extends string>(name: string, choices: readonly T[], status: number): T | undefined {
    const value = this.optionalText(name);
    if (value === undefined) return undefined;
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    const detail = `${name} must be ${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`;
    throw status === 422 ? invalid(detail, 422) : invalidAction(detail);
  }

  member(name: string): Body {
    return new Body(this.#members[name] ?? {}, name);
  }
}

function inRange(name: string, value: number, min: number, max: number): number {
  if (value >= min && value <= max) return value;
  throw invalidAction(`${name} must be from ${min} to ${max}`);
}

/** Parses the body of `POST /v1/desktop/start`. There is no sound: its codec has no effect. */
export function parseStart(value: unknown): StartOptions {
  const body = new Body(value);
  const width = body.optionalInteger("width", 1, maxScreenSide) ?? 1_440;
  const height = body.optionalInteger("height", 1, maxScreenSide) ?? 900;
  if (width * height > maxScreenPixels) {
    throw invalidAction(`width times height must be at most ${maxScreenPixels} pixels`);
  }
  const displayNumber = body.optionalInteger("displayNum", 0, 65_535);
  const stateDirectory = body.optionalText("stateDir");
  if (stateDirectory !== undefined && !isAbsolute(stateDirectory)) {
    throw invalidAction("stateDir must be an absolute path");
  }
  body.choice("streamAudioCodec", ["opus", "g722"], 400);
  return {
    width,
    height,
    dpi: body.optionalInteger("dpi", 1, 1_200) ?? 96,
    recordingFps: body.optionalInteger("recordingFps", 1, maxRecordingFps) ?? 30,
    stream: {
      codec: body.choice("streamVideoCodec", ["vp8", "vp9", "h264"], 400) ?? "vp8",
      frameRate: body.optionalInteger("streamFrameRate", 1, maxStreamFps) ?? 20,
      portRange: parsePortRange(body.optionalText("webrtcPortRange")),
    },
    ...(displayNumber === undefined ? {} : { displayNumber }),
    ...(stateDirectory === undefined ? {} : { stateDirectory }),
  };
}

function parsePortRange(range: string | undefined): readonly [number, number] | undefined {
  if (range === undefined) return undefined;
  const [, first, last] = (/^(\d{1,5})-(\d{1,5})$/.exec(range) ?? []).map(Number);
  if (first !== undefined && last !== undefined && first >= 1 && first < last && last <= 65_535) {
    return [first, last];
  }
  throw invalidAction('webrtcPortRange must be two ports such as "59050-59070"');
}

/** The position and button of the mouse routes. */
export function parsePoint(value: unknown, xName = "x", yName = "y") {
  const body = new Body(value);
  return { x: body.integer(xName, 0, maxCoordinate), y: body.integer(yName, 0, maxCoordinate) };
}

/** A position that may be absent as a whole. */
export function parseOptionalPoint(value: unknown) {
  const body = new Body(value);
  const x = body.optionalInteger("x", 0, maxCoordinate);
  const y = body.optionalInteger("y", 0, maxCoordinate);
  if (x !== undefined && y !== undefined) return { x, y };
  if (x === undefined && y === undefined) return undefined;
  throw invalidAction("x and y must be given together");
}

export function parseButton(value: unknown): MouseButton {
  return new Body(value).choice("button", ["left", "middle", "right"], 422) ?? "left";
}

export function parseClickCount(value: unknown): number {
  return new Body(value).optionalInteger("clickCount", 1, maxClicks) ?? 1;
}

export function parseScroll(value: unknown) {
  const body = new Body(value);
  const deltaX = body.optionalInteger("deltaX", -maxWheelClicks, maxWheelClicks) ?? 0;
  const deltaY = body.optionalInteger("deltaY", -maxWheelClicks, maxWheelClicks) ?? 0;
  if (deltaX === 0 && deltaY === 0) throw invalidAction("deltaX or deltaY must not be 0");
  return { deltaX, deltaY };
}

export function parseType(value: unknown) {
  const body = new Body(value);
  const text = body.text("text");
  if (text === "") throw invalidAction("text must not be empty");
  const characters = [...text];
  if (characters.length > maxTextCharacters) {
    throw invalidAction(`text must have at most ${maxTextCharacters} characters`);
  }
  if (!characters.every(isTypeable)) {
    throw invalidAction(
      "text has control characters, which no key writes: press keys by their names instead",
    );
  }
  const delayMs = body.optionalInteger("delayMs", 0, maxDelayMs) ?? 0;
  if (delayMs * characters.length > maxTypingMs) {
    throw invalidAction(`typing would take longer than ${maxTypingMs} ms: shorten delayMs or text`);
  }
  return { text, delayMs };
}

export function parseKey(value: unknown): string {
  const key = new Body(value).text("key");
  if (key === "") throw invalidAction("key must not be empty");
  return key;
}

export function parseModifiers(value: unknown): KeyModifiers {
  const body = new Body(value).member("modifiers");
  return { ctrl: body.flag("ctrl"), shift: body.flag("shift"), alt: body.flag("alt"), cmd: body.flag("cmd") };
}

/** A position for a window, whose frame may be partly outside of the screen. */
export function parseWindowPosition(value: unknown) {
  const body = new Body(value);
  return {
    x: body.integer("x", -maxCoordinate, maxCoordinate),
    y: body.integer("y", -maxCoordinate, maxCoordinate),
  };
}

export function parseWindowSize(value: unknown) {
  const body = new Body(value);
  return {
    width: body.integer("width", 1, maxCoordinate),
    height: body.integer("height", 1, maxCoordinate),
  };
}

export function parseLaunch(value: unknown) {
  const body = new Body(value);
  return { app: body.text("app"), args: body.texts("args"), wait: body.flag("wait") };
}

export function parseTarget(value: unknown): string {
  return new Body(value).text("target");
}

export function parseFps(value: unknown): number | undefined {
  return new Body(value).optionalInteger("fps", 0, 2 ** 31 - 1);
}

export function parseClipboardWrite(value: unknown, maxBytes: number) {
  const body = new Body(value);
  const text = body.text("text");
  if (Buffer.byteLength(text) > maxBytes) throw invalid(`text exceeds ${maxBytes} bytes`, 413);
  const selection = body.choice("selection", ["clipboard", "primary", "both"], 400) ?? "clipboard";
  const selections: readonly Selection[] = selection === "both" ? ["clipboard", "primary"] : [selection];
  return { text, selections };
}

export function parseSelection(query: URLSearchParams): Selection {
  const selection = query.get("selection") ?? "clipboard";
  if (selection === "clipboard" || selection === "primary") return selection;
  throw invalidAction("selection must be clipboard or primary");
}

const formats: readonly ImageFormat[] = ["png", "jpeg", "webp"];

export function parseScreenshot(query: URLSearchParams): ScreenshotOptions {
  const name = query.get("format") ?? "png";
  const format = formats.find((each) => each === name);
  if (format === undefined) throw invalidAction("format must be png, jpeg or webp");
  return {
    format,
    quality: queryNumber(query, "quality", 1, 100, true) ?? 85,
    scale: queryNumber(query, "scale", 0.1, 1, false) ?? 1,
    showCursor: queryFlag(query, "showCursor"),
  };
}

export function parseRegion(query: URLSearchParams): Region {
  const required = (name: string, min: number) => {
    const value = queryNumber(query, name, min, maxCoordinate, true);
    if (value === undefined) throw invalid(`missing required '${name}' query parameter`);
    return value;
  };
  return {
    x: required("x", 0),
    y: required("y", 0),
    width: required("width", 1),
    height: required("height", 1),
  };
}

export function queryFlag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name) ?? "false";
  if (value !== "true" && value !== "false") throw invalid(`query parameter '${name}' must be true or false`);
  return value === "true";
}

export function queryNumber(
  query: URLSearchParams,
  name: string,
  min: number,
  max: number,
  isInteger: boolean,
): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value) || (isInteger && !Number.isInteger(value))) {
    throw invalid(`query parameter '${name}' must be ${isInteger ? "an integer" : "a number"}`);
  }
  return inRange(name, value, min, max);
}
