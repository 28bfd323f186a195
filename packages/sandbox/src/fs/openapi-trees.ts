import { events, type OpenApiPart, object, problems, query, ref } from "../openapi/part.ts";

const tags = ["files"];
const text = { type: "string" };
const flag = { type: "boolean" };
const place = [
  query("path", text, "Directory, HOME by default."),
  query("pathBase64", text, "Base64 of a path that is not UTF-8."),
];

export const treePaths: OpenApiPart["paths"] = {
  "/v1/fs/watch": {
    get: {
      operationId: "watchDirectory",
      summary: "Streams what is created, changed and deleted in a directory.",
      description:
        "Events: `ready` once all is watched, `change`, and `failed` with `reason`, which is the last.",
      tags,
      parameters: [...place, query("recursive", flag, "All directories below it, too.")],
      responses: {
        200: events("Changes", ref("FsChange")),
        ...problems({ 400: "There is no such directory", 501: "Not on this system" }),
      },
    },
  },
};

export const treeSchemas: OpenApiPart["schemas"] = {
  FsChange: object(
    {
      type: { enum: ["created", "changed", "deleted"] },
      path: text,
      pathBase64: text,
      entryType: { enum: ["file", "directory"] },
    },
    ["pathBase64"],
  ),
};
