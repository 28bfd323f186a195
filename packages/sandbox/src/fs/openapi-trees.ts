import {
  array,
  events,
  json,
  type OpenApiPart,
  object,
  problems,
  query,
  ref,
  requiredQueryParameter,
  unresponsiveMount,
} from "../openapi/part.ts";

const tags = ["files"];
const text = { type: "string" };
const flag = { type: "boolean" };
const place = [
  query("path", text, "Directory, HOME by default."),
  query("pathBase64", text, "Base64 of a path that is not UTF-8."),
];

export const treePaths: OpenApiPart["paths"] = {
  "/v1/fs/search": {
    get: {
      operationId: "searchFiles",
      summary: "Searches the lines, or the names, of all files below a directory.",
      description: "By ripgrep where it is installed. One of `pattern`, `name` and `glob` is needed.",
      tags,
      parameters: [
        ...place,
        query("pattern", text, "What lines hold; without it files are found by name."),
        query("name", text, "What the path, relative to the directory, contains. Not with `pattern`."),
        query("regex", flag, "The pattern is a regular expression."),
        query("ignoreCase", flag),
        query("skipIgnored", flag, "Leaves out what git ignores."),
        query("glob", text, "Only paths, relative to the directory, that fit."),
        query("limit", { type: "integer", minimum: 1, maximum: 10_000, default: 1_000 }),
      ],
      responses: {
        200: json("What was found", ref("FsSearchAnswer")),
        ...problems({
          ...unresponsiveMount,
          400: "A wrong parameter or expression, or there is no such directory",
        }),
      },
    },
  },
  "/v1/fs/diff": {
    get: {
      operationId: "diffTrees",
      summary: "Compares two directories, or two files, line by line.",
      description: "With `accept: text/x-diff` all patches as one text that `git apply` takes.",
      tags,
      parameters: [
        requiredQueryParameter("from", "What was."),
        requiredQueryParameter("to", "What is."),
        query("context", { type: "integer", minimum: 1, maximum: 100, default: 3 }, "Lines around a change."),
        query("limit", { type: "integer", minimum: 1, maximum: 10_000, default: 1_000 }, "Files."),
      ],
      responses: {
        200: {
          description: "What differs",
          content: {
            "application/json": { schema: ref("FsDiffAnswer") },
            "text/x-diff": { schema: text },
          },
        },
        ...problems({ ...unresponsiveMount, 400: "A wrong parameter, or one of them is not there" }),
      },
    },
  },
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
        ...problems({ ...unresponsiveMount, 400: "There is no such directory", 501: "Not on this system" }),
      },
    },
  },
};

export const treeSchemas: OpenApiPart["schemas"] = {
  FsSearchAnswer: object({
    matches: array(
      object({ path: text, pathBase64: text, line: { type: "integer", minimum: 1 }, text }, [
        "pathBase64",
        "line",
        "text",
      ]),
    ),
    truncated: { ...flag, description: "The limit or the time was reached; there may be more." },
    engine: { enum: ["ripgrep", "walk"] },
  }),
  FsDiffAnswer: object({
    files: array(
      object(
        {
          path: text,
          pathBase64: text,
          status: { enum: ["added", "deleted", "modified", "type_changed"] },
          additions: { type: "integer", minimum: 0 },
          deletions: { type: "integer", minimum: 0 },
          patch: text,
          omitted: { enum: ["binary", "too_large", "too_different"] },
        },
        ["pathBase64", "additions", "deletions", "patch", "omitted"],
      ),
    ),
    truncated: { ...flag, description: "There is more: files, 8 MiB of patches or the time ran out." },
  }),
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
