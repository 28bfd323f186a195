/** The Model Context Protocol: tools with which an agent uses the desktop of its sandbox. */
import type { ApiClient } from "../api-client.ts";

export type Arguments = Readonly<Record<string, unknown>>;

/** A part of the answer of a tool. */
export type ToolContent =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image"; readonly data: string; readonly mimeType: string };

export interface DesktopTool {
  readonly name: string;
  readonly description: string;
  readonly readOnly: boolean;
  readonly properties: Readonly<Record<string, object>>;
  readonly required: readonly string[];
  run(client: ApiClient, given: Arguments): Promise<readonly ToolContent[]>;
}

const integer = { type: "integer" };
const text = { type: "string" };
const position = {
  x: { ...integer, description: "Pixels from the left edge of the screen." },
  y: { ...integer, description: "Pixels from the top edge of the screen." },
};
const button = { enum: ["left", "middle", "right"], default: "left" };

/** The server checks the values: a tool passes on what it was given. */
export const desktopTools: readonly DesktopTool[] = [
  action("desktop_start", "Starts the desktop. It stays as it is if it is active.", "start", {
    width: { ...integer, default: 1_440 },
    height: { ...integer, default: 900 },
  }),
  {
    name: "desktop_screenshot",
    description: "Takes a screenshot of the screen, or with x, y, width and height of a region.",
    readOnly: true,
    properties: {
      ...position,
      width: integer,
      height: integer,
      scale: {
        type: "number",
        minimum: 0.1,
        maximum: 1,
        description: "Positions in the image are scaled too.",
      },
      format: { enum: ["png", "jpeg", "webp"], default: "png" },
      showCursor: { type: "boolean", default: false },
    },
    required: [],
    run: takeScreenshot,
  },
  action("desktop_click", "Clicks.", "mouse/click", { ...position, button, clickCount: integer }, ["x", "y"]),
  action("desktop_move", "Moves the pointer.", "mouse/move", position, ["x", "y"]),
  action(
    "desktop_drag",
    "Drags with a pressed button.",
    "mouse/drag",
    { startX: integer, startY: integer, endX: integer, endY: integer, button },
    ["startX", "startY", "endX", "endY"],
  ),
  action(
    "desktop_scroll",
    "Turns the wheel, in clicks: positive is right and down.",
    "mouse/scroll",
    { ...position, deltaX: integer, deltaY: integer },
    ["x", "y"],
  ),
  action("desktop_type", "Types a text into the window that has the focus.", "keyboard/type", { text }, [
    "text",
  ]),
  action(
    "desktop_key",
    "Presses a key or a shortcut, such as Return, F5 or ctrl+l.",
    "keyboard/press",
    { key: text },
    ["key"],
  ),
  action(
    "desktop_launch",
    "Starts a program and waits for its window.",
    "launch",
    { app: text, args: { type: "array", items: text } },
    ["app"],
    { wait: true },
  ),
  {
    name: "desktop_windows",
    description: "Lists the windows with their titles and positions.",
    readOnly: true,
    properties: {},
    required: [],
    run: async (client) => asText(await client.requestJson("GET", "/v1/desktop/windows")),
  },
];

/** A tool that sends its arguments to a route. */
function action(
  name: string,
  description: string,
  path: string,
  properties: DesktopTool["properties"],
  required: readonly string[] = [],
  always: Arguments = {},
): DesktopTool {
  return {
    ...{ name, description, readOnly: false, properties, required },
    run: async (client, given) =>
      asText(await client.requestJson("POST", `/v1/desktop/${path}`, { body: { ...given, ...always } })),
  };
}

async function takeScreenshot(client: ApiClient, given: Arguments): Promise<readonly ToolContent[]> {
  const isRegion = ["x", "y", "width", "height"].some((name) => given[name] !== undefined);
  const query = Object.entries(given).map(([name, value]) => [name, String(value)]);
  const path = `/v1/desktop/screenshot${isRegion ? "/region" : ""}`;
  const response = await client.request("GET", path, { query: Object.fromEntries(query) });
  const data = Buffer.from(await response.arrayBuffer()).toString("base64");
  return [{ type: "image", data, mimeType: response.headers.get("content-type") ?? "image/png" }];
}

function asText(answer: unknown): readonly ToolContent[] {
  return [{ type: "text", text: JSON.stringify(answer) }];
}
