import {
  array,
  empty,
  json,
  jsonBody,
  type OpenApiOperation,
  type OpenApiPart,
  type OpenApiResponse,
  object,
  pathParameter,
  problems,
  query,
  ref,
} from "../openapi/part.ts";
import { accessibilityPart } from "./accessibility/openapi.ts";
import { desktopSchemas } from "./openapi-schemas.ts";
import { streamPaths, streamSchemas } from "./stream/openapi.ts";

const tags = ["desktop"];
const inactive = { 409: "The desktop is not active", 503: "The connection to the display was lost" };
const badBody = {
  400: "Malformed JSON, or a value is out of range",
  413: "The body is too large",
  415: "The body is not JSON",
  422: "The body is malformed",
};
const windowId = pathParameter("id", "The id of a window, decimal or hexadecimal.");
const recordingId = pathParameter("id", "The id of a recording.");
const integer = { type: "integer" };

function operation(
  operationId: string,
  summary: string,
  success: OpenApiResponse,
  errors: Readonly<Record<number, string>> = {},
  others: Partial<OpenApiOperation> = {},
): OpenApiOperation {
  return { operationId, summary, tags, ...others, responses: { 200: success, ...problems(errors) } };
}

/** An operation of the active desktop with a JSON body. */
function action(
  operationId: string,
  summary: string,
  body: string,
  success: OpenApiResponse,
  errors: Readonly<Record<number, string>> = {},
): OpenApiOperation {
  return operation(
    operationId,
    summary,
    success,
    { ...badBody, ...inactive, ...errors },
    {
      requestBody: jsonBody(ref(body)),
    },
  );
}

const position = json("The position of the pointer afterwards", ref("DesktopMousePosition"));
const done = json("Done", ref("DesktopActionResponse"));
const windowAfter = json("The window afterwards", ref("DesktopWindow"));
const noWindow = { 404: "No such window" };
const status = json("The status", ref("DesktopStatus"));
const recording = json("The recording", ref("DesktopRecording"));
const noRecording = { 404: "No such recording" };

const imageQuery = [
  query("format", { enum: ["png", "jpeg", "webp"], default: "png" }),
  query("quality", { type: "integer", minimum: 1, maximum: 100, default: 85 }, "For JPEG and WebP."),
  query("scale", { type: "number", minimum: 0.1, maximum: 1, default: 1 }),
  query("showCursor", { type: "boolean", default: false }),
];
const regionQuery = ["x", "y", "width", "height"].map((name) => ({
  ...query(name, integer),
  required: true,
}));
const image: OpenApiResponse = {
  description: "The image",
  content: { "image/png": {}, "image/jpeg": {}, "image/webp": {} },
};
const imageErrors = { 400: "A query parameter is invalid", 502: "The image could not be made", ...inactive };

/** Documentation of the desktop routes. */
export const desktopPart: OpenApiPart = {
  paths: {
    "/v1/desktop/status": {
      get: operation("getDesktopStatus", "Returns the state of the desktop.", status),
    },
    "/v1/desktop/start": {
      post: operation(
        "startDesktop",
        "Starts the desktop, or returns the status of the active one unchanged.",
        status,
        {
          ...badBody,
          403: "The token may not, or stateDir is outside of the root",
          409: "The display is in use",
          501: "Not on this platform",
          503: "Programs are missing, or failed",
        },
        { requestBody: { content: { "application/json": { schema: ref("DesktopStartRequest") } } } },
      ),
    },
    "/v1/desktop/stop": {
      post: operation("stopDesktop", "Ends the desktop and all applications on it.", status),
    },
    "/v1/desktop/display/info": {
      get: operation(
        "getDesktopDisplayInfo",
        "Returns the display and its size.",
        json("The display", ref("DesktopDisplayInfo")),
        inactive,
      ),
    },
    "/v1/desktop/screenshot": {
      get: operation("takeDesktopScreenshot", "Takes a screenshot.", image, imageErrors, {
        parameters: imageQuery,
      }),
    },
    "/v1/desktop/screenshot/region": {
      get: operation(
        "takeDesktopRegionScreenshot",
        "Takes a screenshot of a region, cut at the edges of the screen.",
        image,
        imageErrors,
        { parameters: [...regionQuery, ...imageQuery] },
      ),
    },
    "/v1/desktop/mouse/position": {
      get: operation("getDesktopMousePosition", "Returns the position of the pointer.", position, inactive),
    },
    "/v1/desktop/mouse/move": {
      post: action("moveDesktopMouse", "Moves the pointer.", "DesktopMouseMoveRequest", position),
    },
    "/v1/desktop/mouse/click": {
      post: action("clickDesktop", "Clicks.", "DesktopMouseClickRequest", position),
    },
    "/v1/desktop/mouse/down": {
      post: action("mouseDownDesktop", "Presses a button.", "DesktopMouseButtonRequest", position),
    },
    "/v1/desktop/mouse/up": {
      post: action("mouseUpDesktop", "Releases a button.", "DesktopMouseButtonRequest", position),
    },
    "/v1/desktop/mouse/drag": {
      post: action("dragDesktopMouse", "Drags.", "DesktopMouseDragRequest", position),
    },
    "/v1/desktop/mouse/scroll": {
      post: action("scrollDesktop", "Turns the wheel.", "DesktopMouseScrollRequest", position),
    },
    "/v1/desktop/keyboard/type": {
      post: action("typeDesktopText", "Types a text.", "DesktopKeyboardTypeRequest", done),
    },
    "/v1/desktop/keyboard/press": {
      post: action("pressDesktopKey", "Presses a key or a shortcut.", "DesktopKeyboardPressRequest", done),
    },
    "/v1/desktop/keyboard/down": {
      post: action("keyDownDesktop", "Holds a key down.", "DesktopKeyboardKeyRequest", done),
    },
    "/v1/desktop/keyboard/up": {
      post: action("keyUpDesktop", "Releases a key.", "DesktopKeyboardKeyRequest", done),
    },
    "/v1/desktop/windows": {
      get: operation(
        "listDesktopWindows",
        "Lists the visible windows with a title and at least 120 by 80 pixels.",
        json("The windows", object({ windows: array(ref("DesktopWindow")) })),
        inactive,
      ),
    },
    "/v1/desktop/windows/focused": {
      get: operation(
        "getDesktopFocusedWindow",
        "Returns the window that has the focus.",
        json("The window", ref("DesktopWindow")),
        { 404: "No window has the focus", ...inactive },
      ),
    },
    "/v1/desktop/windows/{id}/focus": {
      post: operation(
        "focusDesktopWindow",
        "Raises a window and gives it the focus.",
        windowAfter,
        { ...noWindow, ...inactive },
        { parameters: [windowId] },
      ),
    },
    "/v1/desktop/windows/{id}/close": {
      post: operation(
        "closeDesktopWindow",
        "Asks the program of a window to close it; `closed` is false if the window stays for a second.",
        json("Whether it has closed", object({ closed: { type: "boolean" } })),
        { ...noWindow, ...inactive },
        { parameters: [windowId] },
      ),
    },
    "/v1/desktop/windows/{id}/move": {
      post: {
        ...action("moveDesktopWindow", "Moves a window.", "DesktopWindowMoveRequest", windowAfter, noWindow),
        parameters: [windowId],
      },
    },
    "/v1/desktop/windows/{id}/resize": {
      post: {
        ...action(
          "resizeDesktopWindow",
          "Resizes a window, which may round the size.",
          "DesktopWindowResizeRequest",
          windowAfter,
          noWindow,
        ),
        parameters: [windowId],
      },
    },
    ...accessibilityPart.paths,
    "/v1/desktop/apps": {
      get: operation(
        "listDesktopApps",
        "Lists the installed applications with windows, as their entries for menus tell them.",
        json("What `launch` takes for each", object({ apps: array(ref("DesktopApp")) })),
        inactive,
      ),
    },
    "/v1/desktop/launch": {
      post: action(
        "launchDesktopApp",
        "Starts an application. With `wait`, answers when its window is open, after 5 s at most.",
        "DesktopLaunchRequest",
        json("The process", ref("DesktopLaunchResponse")),
        { 404: "The program is not in PATH" },
      ),
    },
    "/v1/desktop/open": {
      post: action(
        "openDesktopTarget",
        "Opens a file or a URL with the program for its type.",
        "DesktopOpenRequest",
        json("The process", ref("DesktopLaunchResponse")),
        { 404: "xdg-open is not installed" },
      ),
    },
    "/v1/desktop/clipboard": {
      get: operation(
        "getDesktopClipboard",
        "Returns the text of the clipboard.",
        json("The text", ref("DesktopClipboard")),
        { 400: "Unknown selection", 502: "The program that owns it did not answer", ...inactive },
        { parameters: [query("selection", { enum: ["clipboard", "primary"], default: "clipboard" })] },
      ),
      post: action(
        "setDesktopClipboard",
        "Sets the text of the clipboard.",
        "DesktopClipboardWriteRequest",
        done,
        { 502: "Another program keeps the selection" },
      ),
    },
    "/v1/desktop/recording/start": {
      post: operation(
        "startDesktopRecording",
        "Starts a recording.",
        recording,
        {
          ...badBody,
          409: "A recording is active, or the desktop is not",
          502: "ffmpeg failed",
          503: "ffmpeg is missing",
        },
        { requestBody: { content: { "application/json": { schema: ref("DesktopRecordingStartRequest") } } } },
      ),
    },
    "/v1/desktop/recording/stop": {
      post: operation("stopDesktopRecording", "Ends the active recording.", recording, {
        409: "No recording is active",
      }),
    },
    "/v1/desktop/recordings": {
      get: operation(
        "listDesktopRecordings",
        "Lists the recordings, those of earlier servers included.",
        json("The recordings", object({ recordings: array(ref("DesktopRecording")) })),
      ),
    },
    "/v1/desktop/recordings/{id}": {
      get: operation("getDesktopRecording", "Returns a recording.", recording, noRecording, {
        parameters: [recordingId],
      }),
      delete: {
        operationId: "deleteDesktopRecording",
        summary: "Deletes a recording and its video.",
        tags,
        parameters: [recordingId],
        responses: { 204: empty("Deleted"), ...problems({ ...noRecording, 409: "The recording is active" }) },
      },
    },
    "/v1/desktop/recordings/{id}/download": {
      get: operation(
        "downloadDesktopRecording",
        "Downloads the video, as far as it has been written.",
        { description: "Fragmented MP4, H.264", content: { "video/mp4": {} } },
        noRecording,
        { parameters: [recordingId] },
      ),
    },
    ...streamPaths,
  },
  schemas: { ...desktopSchemas, ...accessibilityPart.schemas, ...streamSchemas },
};
