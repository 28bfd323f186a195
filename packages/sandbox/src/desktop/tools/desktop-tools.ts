/** The Model Context Protocol: tools with which an agent uses the desktop of its sandbox. */

/** Sends the requests of the tools to a server; throws the server's errors. */
export interface ToolClient {
  requestJson(method: string, path: string, request?: ToolRequest): Promise<unknown>;
  requestBytes(path: string, request: ToolRequest): Promise<TypedBytes>;
}

/** The content of an answer with its media type. */
export interface TypedBytes {
  readonly type: string;
  readonly bytes: Buffer;
}

export interface ToolRequest {
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** JSON. */
  readonly body?: unknown;
}

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
  run(client: ToolClient, given: Arguments): Promise<readonly ToolContent[]>;
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
  {
    name: "desktop_tree",
    description:
      "Lists what is on the screen as text: for each element its role, name, position and id, indented below what contains it. " +
      "Cheaper and more exact than a screenshot.",
    readOnly: true,
    properties: {
      maxNodes: { ...integer, minimum: 1, maximum: 10_000, default: 2_000 },
      showHidden: {
        type: "boolean",
        default: false,
        description: "Also elements that are not on the screen.",
      },
    },
    required: [],
    run: readTree,
  },
  {
    name: "desktop_click",
    description:
      "Clicks a position, or an element of desktop_tree: by its id, or by its name. Waits until it is there.",
    readOnly: false,
    properties: {
      ...position,
      id: { ...text, description: "Of an element of desktop_tree." },
      name: { ...text, description: "Of an element on the screen, such as the label of a button." },
      role: { ...text, description: "With name: such as push button, link, entry." },
      ...{ button, clickCount: integer },
    },
    required: [],
    run: click,
  },
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

async function takeScreenshot(client: ToolClient, given: Arguments): Promise<readonly ToolContent[]> {
  const isRegion = ["x", "y", "width", "height"].some((name) => given[name] !== undefined);
  const query = Object.entries(given).map(([name, value]) => [name, String(value)]);
  const path = `/v1/desktop/screenshot${isRegion ? "/region" : ""}`;
  const { type, bytes } = await client.requestBytes(path, { query: Object.fromEntries(query) });
  return [{ type: "image", data: bytes.toString("base64"), mimeType: type }];
}

/** How long a click waits for the element, as pages take a moment. */
const clickTimeoutMs = 15_000;

async function click(client: ToolClient, given: Arguments): Promise<readonly ToolContent[]> {
  const isNamed = given.id !== undefined || given.name !== undefined;
  const path = `/v1/desktop/${isNamed ? "tree" : "mouse"}/click`;
  const body = isNamed ? { timeoutMs: clickTimeoutMs, ...given } : given;
  return asText(await client.requestJson("POST", path, { body }));
}

interface TreeNode {
  readonly id: string;
  readonly role: string;
  readonly name: string;
  readonly states: readonly string[];
  readonly bounds?: {
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
  };
  readonly value?: string;
  readonly unresponsive?: boolean;
  readonly children: readonly TreeNode[];
}

/** States that say how an element can be used; most elements have all of the others. */
const tellingStates = new Set([
  ...["checked", "collapsed", "editable", "expanded", "focused", "has-popup", "modal", "pressed"],
  ...["selected", "required", "invalid", "read-only"],
]);

async function readTree(client: ToolClient, given: Arguments): Promise<readonly ToolContent[]> {
  const query = Object.entries(given).map(([name, value]) => [name, String(value)]);
  const answer = await client.requestJson("GET", "/v1/desktop/tree", { query: Object.fromEntries(query) });
  const { nodes, truncated } = answer as { nodes: readonly TreeNode[]; truncated: boolean };
  const lines = nodes.flatMap((node) => linesOf(node, 0));
  if (truncated) lines.push("There is more: raise maxNodes.");
  if (lines.length === 0) lines.push("No program on the screen describes its windows: take a screenshot.");
  return [{ type: "text", text: lines.join("\n") }];
}

/** Elements without a name that only group others are left out; what they contain stays. */
function linesOf(node: TreeNode, depth: number): readonly string[] {
  const { id, role, name, states, bounds, value, unresponsive, children } = node;
  const isGroup = name === "" && value === undefined && ["panel", "section", "filler"].includes(role);
  const inner = children.flatMap((child) => linesOf(child, isGroup ? depth : depth + 1));
  if (isGroup) return inner;
  const place = bounds === undefined ? "" : ` (${bounds.x},${bounds.y} ${bounds.width}x${bounds.height})`;
  const told = states.filter((state) => tellingStates.has(state));
  const notes = [...told, ...(unresponsive === true ? ["does not answer"] : [])].map((each) => ` ${each}`);
  const content = value === undefined ? "" : ` = ${JSON.stringify(value)}`;
  const line = `${"  ".repeat(depth)}${role} ${JSON.stringify(name)}${content}${place}${notes.join("")} [${id}]`;
  return [line, ...inner];
}

function asText(answer: unknown): readonly ToolContent[] {
  return [{ type: "text", text: JSON.stringify(answer) }];
}
