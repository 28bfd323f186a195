import { array, json, jsonBody, type OpenApiPart, object, problems, query, ref } from "../../openapi/part.ts";

const tags = ["desktop"];
const integer = { type: "integer" };
const string = { type: "string" };
const boolean = { type: "boolean" };
const unavailable = {
  409: "The desktop is not active",
  503: "The programs of the tree are not installed, or the connection was lost",
};

const node = {
  id: { type: "string", description: "Names the element as long as its program shows it." },
  role: string,
  name: string,
  states: array(string),
  bounds: ref("DesktopBounds"),
  value: { type: "string", description: "The text of an element that people edit, except of passwords." },
};

/** Documentation of the routes of the accessibility tree. */
export const accessibilityPart: OpenApiPart = {
  paths: {
    "/v1/desktop/tree": {
      get: {
        operationId: "getDesktopTree",
        summary: "Returns the elements on the screen as their programs describe them.",
        tags,
        parameters: [
          query("maxNodes", { type: "integer", minimum: 1, maximum: 10_000, default: 2_000 }),
          query(
            "showHidden",
            { type: "boolean", default: false },
            "Also elements that are not on the screen.",
          ),
        ],
        responses: {
          200: json("The tree", ref("DesktopTree")),
          ...problems({ 400: "A query parameter is invalid", ...unavailable }),
        },
      },
    },
    "/v1/desktop/tree/click": {
      post: {
        operationId: "clickDesktopNode",
        summary: "Clicks the middle of an element, which its id or its name names.",
        tags,
        requestBody: jsonBody(ref("DesktopNodeClickRequest")),
        responses: {
          200: json("The element, and the position of the pointer", ref("DesktopNodeClickResponse")),
          ...problems({
            400: "Malformed JSON, or a value is out of range",
            404: "No such element is on the screen",
            413: "The body is too large",
            415: "The body is not JSON",
            422: "The body is malformed",
            ...unavailable,
            409: "The desktop is not active, the element is hidden, or more than one has the name",
          }),
        },
      },
    },
  },
  schemas: {
    DesktopBounds: object({ x: integer, y: integer, width: integer, height: integer }),
    DesktopTree: object({ nodes: array(ref("DesktopNode")), truncated: boolean }),
    DesktopNode: object(
      {
        ...node,
        unresponsive: { type: "boolean", description: "True for a program that did not answer in time." },
        children: array(ref("DesktopNode")),
      },
      ["bounds", "value", "unresponsive"],
    ),
    DesktopFoundNode: object(node, ["bounds", "value"]),
    DesktopNodeClickRequest: object(
      {
        ...{ id: string, name: string },
        role: { type: "string", description: "With a name, the role of the element, such as push button." },
        button: ref("DesktopMouseButton"),
        clickCount: { type: "integer", minimum: 1, maximum: 100 },
        timeoutMs: {
          ...{ type: "integer", minimum: 0, maximum: 30_000, default: 0 },
          description: "How long to wait until the element is on the screen.",
        },
      },
      ["id", "name", "role", "button", "clickCount", "timeoutMs"],
    ),
    DesktopNodeClickResponse: object({
      node: ref("DesktopFoundNode"),
      position: ref("DesktopMousePosition"),
    }),
  },
};
