import {
  array,
  json,
  jsonBody,
  type OpenApiParameter,
  type OpenApiPart,
  type OpenApiResponse,
  object,
  problems,
  query,
  ref,
  unresponsiveMount,
} from "../openapi/part.ts";
import { treePaths, treeSchemas } from "./openapi-trees.ts";

const tags = ["files"];
const text = { type: "string" };
const count = { type: "integer", minimum: 0 };
const flag = { type: "boolean" };

const pathQuery = query(
  "path",
  text,
  "Absolute, or relative to HOME; `~` is HOME. One of `path` and `pathBase64` names the place.",
);
const bytesQuery = query("pathBase64", text, "Base64 of a path that is not UTF-8.");
const place = [pathQuery, bytesQuery];

const etagHeaders = { etag: { schema: text } };
const binary = { "application/octet-stream": { schema: { type: "string", format: "binary" } } };

function header(name: string, description: string): OpenApiParameter {
  return { name, in: "header", schema: text, description };
}

const conditions = [
  header("if-match", "Change only what has one of these validators."),
  header("if-none-match", "`*`: only what is not there yet."),
];

function bytes(description: string): OpenApiResponse {
  return { description, headers: etagHeaders, content: binary };
}

const missing = "A wrong parameter, or there is no such file";
const refused = "The system refused, as for a directory in the place of a file, or a full disk";

const filePaths: OpenApiPart["paths"] = {
  "/v1/fs/file": {
    get: {
      operationId: "readFile",
      summary: "Streams a file, or one range of it.",
      tags,
      parameters: [
        ...place,
        header("range", "One range of bytes, as `bytes=0-99`; several are answered with the whole."),
        header("if-range", "The validator that the range is of."),
        header("if-match", "Validators of which the file has to have one, else it is not sent."),
        header("if-none-match", "Validators that the caller has already."),
      ],
      responses: {
        200: bytes("The whole"),
        206: bytes("The range"),
        304: { description: "The caller has it", headers: etagHeaders },
        ...problems({
          ...unresponsiveMount,
          400: missing,
          412: "If-Match does not hold",
          416: "The range is beyond the end",
          502: refused,
        }),
      },
    },
    put: {
      operationId: "writeFile",
      summary: "Writes a file whole or not at all; makes the directories on the way.",
      tags,
      parameters: [...place, ...conditions],
      requestBody: { required: true, content: binary },
      responses: {
        200: { ...json("It is durable", ref("FsWritten")), headers: etagHeaders },
        ...problems({
          ...unresponsiveMount,
          400: "A wrong path, or the body broke off",
          412: "A condition does not hold",
          413: "It is larger than the server was configured for",
          415: "It has a content-encoding",
          502: refused,
        }),
      },
    },
  },
  "/v1/fs/entry": {
    delete: {
      operationId: "deleteEntry",
      summary: "Removes a file, a link or a directory.",
      tags,
      parameters: [...place, query("recursive", flag, "Removes what is in a directory too."), ...conditions],
      responses: {
        200: json("Deleted", ref("FsPath")),
        ...problems({
          ...unresponsiveMount,
          400: missing,
          412: "A condition does not hold",
          502: "It is not empty, or the system refused",
        }),
      },
    },
  },
  "/v1/fs/stat": {
    get: {
      operationId: "statFile",
      summary: "Describes a file or directory; follows links.",
      tags,
      parameters: [...place, query("noFollow", flag, "Describes a link itself, with its target.")],
      responses: {
        200: json("It", ref("FsStat")),
        ...problems({ ...unresponsiveMount, 400: missing, 502: refused }),
      },
    },
  },
};

const directoryPaths: OpenApiPart["paths"] = {
  "/v1/fs/entries": {
    get: {
      operationId: "listEntries",
      summary: "Lists a directory by name, HOME by default.",
      tags,
      parameters: [...place, query("markIgnored", flag, "Marks entries that git ignores.")],
      responses: {
        200: json("Its entries", array(ref("FsEntry"))),
        ...problems({ ...unresponsiveMount, 400: "There is no such directory", 502: refused }),
      },
    },
  },
  "/v1/fs/mkdir": {
    post: {
      operationId: "makeDirectory",
      summary: "Makes a directory and those on the way; one that is there is fine.",
      tags,
      parameters: place,
      responses: {
        200: json("It is there", ref("FsPath")),
        ...problems({ ...unresponsiveMount, 400: "A wrong path", 502: refused }),
      },
    },
  },
  "/v1/fs/move": {
    post: {
      operationId: "moveEntry",
      summary: "Moves a file, a link or a directory; never leaves half of either.",
      tags,
      requestBody: jsonBody(ref("FsMoveRequest")),
      responses: {
        200: json("Where it was and is", object({ from: text, to: text })),
        ...problems({
          ...unresponsiveMount,
          400: "Malformed JSON, a wrong path, no source, or the destination exists",
          415: "The body is not JSON",
          422: "The body is malformed",
          502: "A directory into itself, or the system refused",
        }),
      },
    },
  },
  "/v1/fs/upload-batch": {
    post: {
      operationId: "uploadBatch",
      summary: "Extracts a tar archive below a directory, HOME by default.",
      tags,
      parameters: place,
      requestBody: {
        required: true,
        content: {
          "application/x-tar": { schema: { type: "string", format: "binary" } },
          "application/gzip": { schema: { type: "string", format: "binary" } },
          "application/zstd": { schema: { type: "string", format: "binary" } },
        },
      },
      responses: {
        200: json("What was extracted", ref("FsUploaded")),
        ...problems({
          ...unresponsiveMount,
          400: "Another content type, a name that leads out, or an entry that is no file, directory or link",
          413: "It is larger than the server was configured for",
          415: "It has a content-encoding",
          502: "It is not a whole archive, or the system refused",
        }),
      },
    },
  },
  "/v1/fs/archive": {
    get: {
      operationId: "downloadArchive",
      summary: "Streams a directory or file as a tar archive.",
      tags,
      parameters: [...place, query("gzip", flag)],
      responses: {
        200: {
          description: "The archive",
          content: {
            "application/x-tar": { schema: { type: "string", format: "binary" } },
            "application/gzip": { schema: { type: "string", format: "binary" } },
          },
        },
        ...problems({ ...unresponsiveMount, 400: missing, 502: refused }),
      },
    },
  },
};

const described = {
  path: text,
  pathBase64: { ...text, description: "Only where the path is not UTF-8." },
  entryType: { enum: ["file", "directory"] },
  size: count,
  modified: { type: "string", format: "date-time" },
  mode: { type: "integer", minimum: 0, maximum: 4095, description: "Permission bits." },
  special: { enum: ["symlink", "socket", "fifo", "device"] },
};
const optional = ["pathBase64", "special"];

export const fsPart: OpenApiPart = {
  paths: { ...directoryPaths, ...filePaths, ...treePaths },
  schemas: {
    FsEntry: object(
      {
        ...{ name: text, ...described, target: { ...text, description: "Of a link." } },
        ignored: { ...flag, description: "True for what git ignores, if `markIgnored` was asked." },
      },
      [...optional, "target", "ignored"],
    ),
    FsStat: object({ ...described, etag: text, target: { ...text, description: "Of a link." } }, [
      ...optional,
      "target",
    ]),
    FsPath: object({ path: text, pathBase64: text }, ["pathBase64"]),
    FsWritten: object({ path: text, pathBase64: text, bytesWritten: count }, ["pathBase64"]),
    FsMoveRequest: object({ from: text, to: text, overwrite: { type: ["boolean", "null"] } }, ["overwrite"]),
    FsUploaded: object({
      paths: { ...array(text), maxItems: 1_024 },
      truncated: { ...flag, description: "More were extracted than are listed." },
    }),
    ...treeSchemas,
  },
};
