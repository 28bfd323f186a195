import { writeFileSync } from "node:fs";
import { dataDirectoryOf, didYouMean, parse, UsageError } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import { readApi } from "../generate/api.ts";
import { generateGo } from "../generate/go.ts";
import { generatePython } from "../generate/python.ts";
import { findServer } from "./management-client.ts";

export const generateUsage = `holdfast generate LANGUAGE [options]

Writes a client for the actors of a running server, typed by their schemas, in one file without dependencies.

  python          a module for Python 3.8 or later
  go              a file of a package for Go 1.18 or later

  --out FILE      where to write it: actors.py or actors.go by default; "-" for standard output
  --package NAME  the package, for Go: actors by default
  --url URL       the server (default: HOLDFAST_ENDPOINT, or the one that runs on the data directory)
  --token TOKEN   the token of its inspector (default: HOLDFAST_INSPECTOR_TOKEN)
  --data DIR      data directory (default: HOLDFAST_DATA or .holdfast)
  --json          one JSON value on standard output: the file, its language, and the names of the actors`;

const options = {
  out: { type: "string" },
  package: { type: "string" },
  url: { type: "string" },
  token: { type: "string" },
} as const;

const languages = ["python", "go"] as const;
type Language = (typeof languages)[number];

export async function generateCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, options);
  if (values.help === true) {
    console.log(generateUsage);
    return 0;
  }
  const [given, extra] = positionals;
  const language = languageOf(given);
  if (extra !== undefined) throw new UsageError(`"${extra}" is one argument too many`);
  const { package: packageName = "actors" } = values;
  if (language !== "go" && values.package !== undefined) throw new UsageError("--package is for Go");
  if (!/^[a-z][a-z0-9_]*$/.test(packageName))
    throw new UsageError(`"${packageName}" is not the name of a package`);
  const file = values.out ?? (language === "go" ? "actors.go" : "actors.py");
  if (file === "-" && values.json === true) throw new UsageError("--json and --out - exclude each other");
  const server = { url: values.url, token: values.token, dataDirectory: dataDirectoryOf(values.data) };
  const client = await findServer(server);
  if (client === undefined) throw noServer();
  try {
    const read = async (path: string): Promise<unknown> => (await client.fetch("GET", path)).json();
    const api = readApi(await read("/openapi.json"), await read("/asyncapi.json"));
    const text = language === "go" ? generateGo(api, packageName) : generatePython(api);
    const actors = api.actors.map(({ name }) => name);
    if (file === "-") process.stdout.write(text);
    else write(file, text);
    if (values.json === true) console.log(JSON.stringify({ file, language, actors }));
    else if (file !== "-") console.log(`${file}: a client for ${actors.join(", ") || "no actors"}`);
  } finally {
    await client.close?.();
  }
  return 0;
}

function languageOf(given: string | undefined): Language {
  if (given === undefined) throw new UsageError("The language is missing: python or go");
  const known = languages.find((each) => each === given);
  if (known === undefined) {
    throw new UsageError(`There is no client for "${given}".${didYouMean(given, languages)}`);
  }
  return known;
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new HoldfastError("generate", "cannot_write", `${file} cannot be written: ${reason}`, { cause });
  }
}

function noServer(): HoldfastError {
  const message = "No server runs on this data directory. Name one with --url, or start it first";
  return new HoldfastError("client", "network_error", message);
}
