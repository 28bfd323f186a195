import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { openVault, providerNames } from "@holdfast/gate";
import { oneArgument, parse, UsageError } from "./arguments.ts";
import { dataDirectoryOf, prepareDataDirectory } from "./data-directory.ts";

export const authUsage = `holdfast auth status | api-key PROVIDER [--delete]

  status             which model providers have a credential, and where it comes from
  api-key PROVIDER   stores a key, encrypted, in the data directory; it is read from standard
                     input and never shown. Providers: ${providerNames.join(", ")}
  --delete           forgets the stored key
  --data DIR         data directory (default: HOLDFAST_DATA or .holdfast)
  --json             machine-readable output`;

export async function authCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, { delete: { type: "boolean" } });
  const [verb, ...rest] = positionals;
  if (values.help === true) {
    console.log(authUsage);
    return 0;
  }
  if (verb !== "status" && verb !== "api-key") {
    throw new UsageError(verb === undefined ? "status or api-key is missing" : `There is no "auth ${verb}"`);
  }
  const provider = verb === "api-key" ? providerOf(oneArgument(rest, "The provider")) : undefined;
  const dataDirectory = dataDirectoryOf(values.data);
  await prepareDataDirectory(dataDirectory);
  const vault = openVault(dataDirectory);
  if (provider === undefined) {
    for (const status of await vault.status()) {
      if (values.json === true) console.log(JSON.stringify(status));
      else
        console.log(
          `${status.provider.padEnd(10)} ${status.available ? "ready" : "none "}  ${status.detail}`,
        );
    }
    return 0;
  }
  if (values.delete === true) {
    console.log((await vault.deleteApiKey(provider)) ? "The key is forgotten." : "There was no key.");
    return 0;
  }
  await vault.setApiKey(provider, await readSecret(`${provider} key: `));
  console.log("The key is stored.");
  return 0;
}

function providerOf(name: string): (typeof providerNames)[number] {
  const provider = providerNames.find((each) => each === name);
  if (provider === undefined) throw new UsageError(`A provider is one of: ${providerNames.join(", ")}`);
  return provider;
}

/** A line of standard input; on a terminal nothing of it is echoed. */
async function readSecret(question: string): Promise<string> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) {
    const reader = createInterface({ input: stdin });
    for await (const line of reader) return line.trim();
    return "";
  }
  stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: stdin, output: silent, terminal: true });
  try {
    return (await reader.question("")).trim();
  } finally {
    reader.close();
    stderr.write("\n");
  }
}
