import { array, type JsonSchema, object, ref } from "../openapi/part.ts";

const integer = { type: "integer" };
const count = { type: "integer", minimum: 0 };
const size = { type: "integer", minimum: 1, maximum: 8_192 };
const coordinate = { type: "integer", minimum: 0, maximum: 32_767 };
const string = { type: "string" };
const boolean = { type: "boolean" };
const time = { type: "string", format: "date-time" };

function optional(schema: JsonSchema): JsonSchema {
  return { anyOf: [schema, { type: "null" }] };
}

/** An object whose members may all be absent or null, except the required ones. */
function request(
  required: Readonly<Record<string, JsonSchema>>,
  others: Readonly<Record<string, JsonSchema>>,
) {
  const nullable = Object.entries(others).map(([name, schema]) => [name, optional(schema)]);
  const properties: Record<string, JsonSchema> = { ...required, ...Object.fromEntries(nullable) };
  return object(properties, Object.keys(others));
}

const button = ref("DesktopMouseButton");
const modifiers = request({}, { ctrl: boolean, shift: boolean, alt: boolean, cmd: boolean });

/** Bodies of requests. */
const requests = {
  DesktopStartRequest: request(
    {},
    {
      width: { ...size, default: 1_440 },
      height: { ...size, default: 900 },
      dpi: { type: "integer", minimum: 1, maximum: 1_200, default: 96 },
      displayNum: {
        type: "integer",
        minimum: 0,
        maximum: 65_535,
        description: "Default: the first free one from 99.",
      },
      stateDir: { type: "string", description: "Absolute path of the directory of recordings." },
      recordingFps: { type: "integer", minimum: 1, maximum: 60, default: 30 },
      streamVideoCodec: { enum: ["vp8", "vp9", "h264"], default: "vp8" },
      streamAudioCodec: { enum: ["opus", "g722"], description: "Without effect: there is no sound." },
      streamFrameRate: { type: "integer", minimum: 1, maximum: 60, default: 20 },
      webrtcPortRange: {
        type: "string",
        pattern: "^\\d{1,5}-\\d{1,5}$",
        description: "UDP ports of the connections to viewers. Default: any.",
      },
    },
  ),
  DesktopMouseButton: { enum: ["left", "middle", "right"], default: "left" },
  DesktopMouseMoveRequest: request({ x: coordinate, y: coordinate }, {}),
  DesktopMouseClickRequest: request(
    { x: coordinate, y: coordinate },
    { button, clickCount: { type: "integer", minimum: 1, maximum: 100 } },
  ),
  DesktopMouseButtonRequest: request({}, { x: coordinate, y: coordinate, button }),
  DesktopMouseDragRequest: request(
    { startX: coordinate, startY: coordinate, endX: coordinate, endY: coordinate },
    { button },
  ),
  DesktopMouseScrollRequest: request(
    { x: coordinate, y: coordinate },
    {
      deltaX: { ...integer, description: "Clicks of the wheel; positive is right." },
      deltaY: { ...integer, description: "Positive is down." },
    },
  ),
  DesktopKeyboardTypeRequest: request(
    { text: string },
    { delayMs: { type: "integer", minimum: 0, maximum: 1_000 } },
  ),
  DesktopKeyboardPressRequest: request(
    {
      key: {
        type: "string",
        description: "A character, a key such as Return, or a shortcut such as ctrl+l.",
      },
    },
    { modifiers },
  ),
  DesktopKeyboardKeyRequest: request({ key: string }, {}),
  DesktopWindowMoveRequest: request({ x: integer, y: integer }, {}),
  DesktopWindowResizeRequest: request(
    { width: { type: "integer", minimum: 1 }, height: { type: "integer", minimum: 1 } },
    {},
  ),
  DesktopLaunchRequest: request({ app: string }, { args: array(string), wait: boolean }),
  DesktopOpenRequest: request({ target: string }, {}),
  DesktopClipboardWriteRequest: request(
    { text: string },
    { selection: { enum: ["clipboard", "primary", "both"], default: "clipboard" } },
  ),
  DesktopRecordingStartRequest: request({}, { fps: { ...count, description: "Limited to 1 to 60." } }),
};

/** Bodies of answers. */
const answers = {
  DesktopStatus: object(
    {
      state: { enum: ["inactive", "install_required", "starting", "active", "stopping", "failed"] },
      display: string,
      authority: { type: "string", description: "Value of XAUTHORITY for programs of the display." },
      resolution: ref("DesktopResolution"),
      startedAt: time,
      lastError: object({ code: string, message: string }),
      missingDependencies: array(string),
      installCommand: string,
      processes: array(object({ name: string, pid: integer, running: boolean, processId: string }, ["pid"])),
      windows: array(ref("DesktopWindow")),
    },
    ["display", "authority", "resolution", "startedAt", "lastError", "installCommand", "windows"],
  ),
  DesktopResolution: object({ width: integer, height: integer, dpi: integer }),
  DesktopDisplayInfo: object({ display: string, resolution: ref("DesktopResolution") }),
  DesktopMousePosition: object({ x: integer, y: integer, screen: integer, window: string }, ["window"]),
  DesktopActionResponse: object({ ok: boolean }),
  DesktopApp: object({ name: string, app: string, args: array(string) }),
  DesktopWindow: object({
    ...{ id: string, title: string, x: integer, y: integer, width: integer, height: integer },
    isActive: boolean,
  }),
  DesktopLaunchResponse: object({ processId: string, pid: integer, windowId: string }, ["pid", "windowId"]),
  DesktopClipboard: object({ text: string, selection: { enum: ["clipboard", "primary"] } }),
  DesktopRecording: object(
    {
      ...{ id: string, status: { enum: ["recording", "completed", "failed"] }, processId: string },
      ...{ fileName: string, bytes: count, startedAt: time, endedAt: time },
    },
    ["processId", "endedAt"],
  ),
};

/** Schemas of the desktop routes. */
export const desktopSchemas: Readonly<Record<string, JsonSchema>> = { ...requests, ...answers };
