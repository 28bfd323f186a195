import { spawn } from "node:child_process";
import {
  dataDirectoryOf,
  noArguments,
  oneArgument,
  parse,
  portOf,
  prepareDataDirectory,
  UsageError,
  verbOf,
} from "@holdfast/cli";
import { providerNames } from "@holdfast/gate";
import type { CommandVault } from "@holdfast/studio";
import { commandHint } from "../../command-hint.ts";
import { vaultOf } from "./gate-of.ts";
import { loginToOpenRouter } from "./openrouter-login.ts";
import { readSecret } from "./secret-input.ts";

export const authUsage = `holdfast auth status | login PROVIDER | api-key PROVIDER [--delete] [--base-url URL]

  status             shows which model providers have a credential, and its source
  api-key PROVIDER   stores a key, encrypted, in the data directory. The key is read from
                     standard input and never shown. Providers: ${providerNames.join(", ")}
  login PROVIDER     logs in with the provider's own program (anthropic: claude, openai: codex). The
                     login stays on the host and is renewed there; no jail sees it.
                     openrouter: logs in with the browser, and stores the new key like api-key
  --port PORT        port for the browser's redirect (default: 3000)
  --base-url URL     stores the address of your own server for this provider, and its key if
                     standard input contains one; "default" restores the provider's address
  --delete           deletes the stored key
  --data DIR         data directory (default: HOLDFAST_DATA or .holdfast)
  --json             machine-readable output`;

type Provider = (typeof providerNames)[number];

/** Prints a result, as JSON or as text. */
type PrintResult = (value: object, text: string) => void;

export async function authCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    delete: { type: "boolean" },
    "base-url": { type: "string" },
    port: { type: "string" },
  });
  const [given, ...rest] = positionals;
  if (values.help === true) {
    console.log(authUsage);
    return 0;
  }
  const dataDirectory = dataDirectoryOf(values.data);
  const verb = verbOf("auth", ["status", "login", "api-key"], given);
  if (verb === "status") noArguments(rest);
  const provider = verb === "status" ? undefined : requireProvider(oneArgument(rest, "The provider"));
  if (verb === "login" && provider !== undefined && provider !== "openrouter")
    return login(provider, dataDirectory);
  await prepareDataDirectory(dataDirectory);
  const vault = vaultOf(dataDirectory);
  const print: PrintResult = (value, text) =>
    console.log(values.json === true ? JSON.stringify(value) : text);
  const baseUrl = values["base-url"];
  if (provider === undefined) await printStatus(vault, print);
  else if (verb === "login") await logInToOpenRouter(vault, print, portOf(values.port, 3_000));
  else if (values.delete === true) await deleteKey(vault, print, provider);
  else if (baseUrl !== undefined) await storeAddress(vault, print, provider, baseUrl);
  else await storeKey(vault, print, provider, await readSecret(`${provider} key: `));
  return 0;
}

async function printStatus(vault: CommandVault, print: PrintResult): Promise<void> {
  for (const status of await vault.status())
    print(status, `${status.provider.padEnd(18)} ${status.available ? "ready" : "none "}  ${status.detail}`);
}

async function logInToOpenRouter(vault: CommandVault, print: PrintResult, port: number): Promise<void> {
  const { baseUrl } = (await vault.status()).find((each) => each.provider === "openrouter") ?? {};
  const key = await loginToOpenRouter({
    baseUrl: baseUrl ?? "https://openrouter.ai/api/v1",
    port,
    waitMs: 5 * 60_000,
    onAddress: (address) =>
      print({ address }, `Open this address in a browser on this machine:\n\n  ${address}\n`),
  });
  await vault.setApiKey("openrouter", key);
  print({ provider: "openrouter", stored: true }, "You are logged in. The key is stored.");
}

async function deleteKey(vault: CommandVault, print: PrintResult, provider: Provider): Promise<void> {
  const removed = await vault.deleteApiKey(provider);
  print({ provider, removed }, removed ? "The key was deleted." : "No key was stored.");
}

/** Stores the address of a server, and its key if standard input contains one. */
async function storeAddress(
  vault: CommandVault,
  print: PrintResult,
  provider: Provider,
  baseUrl: string,
): Promise<void> {
  const own = baseUrl === "default" ? undefined : baseUrl;
  await vault.setBaseUrl(provider, own);
  print({ provider, baseUrl: own ?? null }, "The address is stored.");
  const key = process.stdin.isTTY ? "" : await readSecret("");
  if (key !== "") await storeKey(vault, print, provider, key);
}

async function storeKey(
  vault: CommandVault,
  print: PrintResult,
  provider: Provider,
  key: string,
): Promise<void> {
  await vault.setApiKey(provider, key);
  print({ provider, stored: true }, "The key is stored.");
}

/** Login programs of the providers. The vault reads the credentials that they store, and refreshes them. */
const loginPrograms: Partial<Record<Provider, readonly [string, ...string[]]>> = {
  anthropic: ["claude", "/login"],
  openai: ["codex", "login"],
};

async function login(provider: Provider, dataDirectory: string): Promise<number> {
  const [program, ...args] = loginPrograms[provider] ?? [];
  if (program === undefined) {
    throw new UsageError(
      `${provider} has no login. Store an API key instead: ${commandHint(`auth api-key ${provider}`, dataDirectory)}`,
    );
  }
  const child = spawn(program, args, { stdio: "inherit" });
  const code = await new Promise<number | undefined>((resolve) => {
    child.once("error", () => resolve(undefined));
    child.once("close", (exit) => resolve(exit ?? 1));
  });
  if (code !== undefined) return code;
  process.stderr.write(
    `${program} is not installed. Install it, or store an API key: ${commandHint(`auth api-key ${provider}`, dataDirectory)}\n`,
  );
  return 1;
}

function requireProvider(name: string): Provider {
  const provider = providerNames.find((each) => each === name);
  if (provider === undefined)
    throw new UsageError(`The provider must be one of: ${providerNames.join(", ")}`);
  return provider;
}
