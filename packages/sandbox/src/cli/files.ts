import { open } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { noArguments, oneArgument, parseStrict, required, UsageError } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import { ApiClient, apiOptions, apiUsage } from "./api-client.ts";
import { print, table } from "./output.ts";
import { entries, fields, lines } from "./sessions.ts";

export const filesUsage = `holdfast sandbox fs VERB

  ls [PATH]           lists a directory of the sandbox
  cat PATH            prints a file; as base64 with --json
  put PATH [FILE]     writes a file from FILE, or from standard input
  rm PATH [-r]        deletes a file; with -r a directory and its contents
  mkdir PATH          creates a directory and its parents
  mv FROM TO          moves a file or directory; --overwrite replaces the target
  stat PATH           prints type, size and times of a file or directory
  search TEXT [PATH]  searches the contents of files; --regex, --ignore-case, --glob GLOB
  diff FROM TO        prints the differences between two directories or files as a patch
${apiUsage}`;

export async function filesCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseStrict(args, {
    ...apiOptions,
    recursive: { type: "boolean", short: "r" },
    overwrite: { type: "boolean" },
    regex: { type: "boolean" },
    "ignore-case": { type: "boolean", short: "i" },
    glob: { type: "string" },
  });
  const [verb, ...rest] = positionals;
  if (values.help === true) {
    process.stdout.write(`${filesUsage}\n`);
    return 0;
  }
  const json = values.json === true;
  const client = new ApiClient(values);
  const show = (result: unknown) => print(json, result, () => lines(JSON.stringify(result, null, 2)));
  switch (verb) {
    case "ls": {
      const [path, ...more] = rest;
      noArguments(more);
      print(json, await client.requestJson("GET", "/v1/fs/entries", { query: { path } }), (result) =>
        table(entries(result, "").map((each) => fields(each, "entryType", "size", "name"))),
      );
      return 0;
    }
    case "cat": {
      const path = oneArgument(rest, "The path");
      const { body } = await client.request("GET", "/v1/fs/file", { query: { path } });
      const content =
        body === null ? Readable.from([]) : Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]);
      const source = json ? Readable.from(encodeAsJson(path, content)) : content;
      await pipeline(source, process.stdout, { end: false });
      return 0;
    }
    case "put": {
      const [path, file = "-", ...more] = rest;
      noArguments(more);
      const raw = {
        body: Readable.toWeb(await openSource(file)) as ReadableStream<Uint8Array>,
        type: "application/octet-stream",
      };
      show(
        await client.requestJson("PUT", "/v1/fs/file", { query: { path: required(path, "The path") }, raw }),
      );
      return 0;
    }
    case "rm": {
      const recursive = values.recursive === true ? "true" : undefined;
      const query = { path: oneArgument(rest, "The path"), recursive };
      show(await client.requestJson("DELETE", "/v1/fs/entry", { query }));
      return 0;
    }
    case "mkdir":
      show(
        await client.requestJson("POST", "/v1/fs/mkdir", { query: { path: oneArgument(rest, "The path") } }),
      );
      return 0;
    case "mv": {
      const [from, to, ...more] = rest;
      noArguments(more);
      const body = {
        from: required(from, "The path to move"),
        to: required(to, "Where to"),
        overwrite: values.overwrite === true,
      };
      show(await client.requestJson("POST", "/v1/fs/move", { body }));
      return 0;
    }
    case "stat":
      show(
        await client.requestJson("GET", "/v1/fs/stat", { query: { path: oneArgument(rest, "The path") } }),
      );
      return 0;
    case "search":
      print(json, await search(client, rest, values), (result) =>
        entries(result, "matches").map((each) => fields(each, "path", "line", "text").join(":")),
      );
      return 0;
    case "diff": {
      const [from, to, ...more] = rest;
      noArguments(more);
      const query = { from: required(from, "What was"), to: required(to, "What is") };
      print(json, await client.requestJson("GET", "/v1/fs/diff", { query }), patchLines);
      return 0;
    }
    default:
      throw new UsageError(verb === undefined ? "The verb is missing" : `There is no "fs ${verb}"`);
  }
}

/** Streams a file of any size as one JSON value with base64 content. */
async function* encodeAsJson(path: string, content: AsyncIterable<Buffer>): AsyncGenerator<string> {
  yield `{"path":${JSON.stringify(path)},"encoding":"base64","data":"`;
  let rest = Buffer.alloc(0);
  for await (const chunk of content) {
    const bytes = Buffer.concat([rest, chunk]);
    // Base64 can only be split after a multiple of three bytes.
    const encodable = bytes.length - (bytes.length % 3);
    yield bytes.toString("base64", 0, encodable);
    rest = bytes.subarray(encodable);
  }
  yield `${rest.toString("base64")}"}\n`;
}

/** Opens the file before the request, so that a file error is not reported as a connection error. */
async function openSource(path: string): Promise<Readable> {
  if (path === "-") return process.stdin;
  const file = await open(path);
  if (!(await file.stat()).isDirectory()) return file.createReadStream();
  await file.close();
  throw new HoldfastError("sandbox", "invalid_request", `${path} is a directory`, { statusCode: 400 });
}

interface SearchFlags {
  readonly regex?: boolean | undefined;
  readonly "ignore-case"?: boolean | undefined;
  readonly glob?: string | undefined;
}

async function search(client: ApiClient, args: readonly string[], flags: SearchFlags): Promise<unknown> {
  const [pattern, path, ...more] = args;
  noArguments(more);
  const flag = (value: boolean | undefined) => (value === true ? "true" : undefined);
  return await client.requestJson("GET", "/v1/fs/search", {
    query: {
      pattern: required(pattern, "The text"),
      path,
      glob: flags.glob,
      regex: flag(flags.regex),
      ignoreCase: flag(flags["ignore-case"]),
    },
  });
}

function patchLines(result: unknown): readonly string[] {
  return entries(result, "files").flatMap(({ patch, status, omitted, path }) =>
    typeof patch === "string"
      ? patch.replace(/\n$/, "").split("\n")
      : [`${String(status)} ${String(path)} (${String(omitted)})`],
  );
}
