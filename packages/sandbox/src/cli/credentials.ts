import { homedir } from "node:os";
import { noArguments, parseStrict, UsageError } from "@holdfast/cli";
import type { CredentialProvider } from "../agents/row.ts";
import { type Credential, redactKey } from "../credentials/credential.ts";
import { type Credentials, detectCredentials } from "../credentials/detect.ts";
import { print, table } from "./output.ts";

export const credentialsUsage = `holdfast sandbox credentials extract | extract-env

  extract                     the credentials that agents would find here, keys cut to their ends
    -a, --agent AGENT         only those that claude, codex, opencode or amp uses
    -p, --provider PROVIDER   only that of anthropic, openai, google or github
    -r, --reveal              print whole keys
  extract-env --reveal        NAME=KEY lines for a shell; it prints whole keys, so it has to be said
    -e, --export              with "export" in front
  -d, --home-dir DIR          look there instead of HOME
      --no-oauth              leave out what a login in a browser has left
      --json                  machine-readable output`;

const providersOf: Readonly<Record<string, readonly CredentialProvider[]>> = {
  claude: ["anthropic"],
  codex: ["openai"],
  opencode: ["anthropic", "openai"],
  amp: ["anthropic"],
};

export async function credentialsCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseStrict(args, {
    agent: { type: "string", short: "a" },
    provider: { type: "string", short: "p" },
    reveal: { type: "boolean", short: "r" },
    export: { type: "boolean", short: "e" },
    "home-dir": { type: "string", short: "d" },
    "no-oauth": { type: "boolean" },
    json: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  });
  const [verb, ...rest] = positionals;
  if (values.help === true) {
    process.stdout.write(`${credentialsUsage}\n`);
    return 0;
  }
  noArguments(rest);
  const { agent, provider } = values;
  const wanted = agent === undefined ? undefined : providersOf[agent];
  if (agent !== undefined && wanted === undefined) {
    throw new UsageError(`--agent is one of ${Object.keys(providersOf).join(", ")}`);
  }
  const found = await detectCredentials({
    home: values["home-dir"] ?? process.env["HOME"] ?? homedir(),
    env: process.env,
    oauth: values["no-oauth"] !== true,
  });
  switch (verb) {
    case "extract": {
      const shown = Object.values(found).filter(
        (each) =>
          (wanted === undefined || wanted.includes(each.provider)) &&
          (provider === undefined || provider === each.provider),
      );
      if (shown.length === 0 && (agent !== undefined || provider !== undefined)) {
        // Who asks for one and gets none has to hear of it by the exit code, as from the peer.
        process.stderr.write(`No credentials were found for ${agent ?? provider}.\n`);
        return 1;
      }
      extract(shown, values.reveal === true, values.json === true);
      return 0;
    }
    case "extract-env":
      if (values.reveal !== true) throw new UsageError("extract-env prints whole keys: say so with --reveal");
      extractEnv(found, values.export === true, values.json === true);
      return 0;
    default:
      throw new UsageError(
        verb === undefined ? "extract or extract-env is missing" : `There is no "credentials ${verb}"`,
      );
  }
}

function extract(found: readonly Credential[], reveal: boolean, json: boolean): void {
  const entry = ({ provider, source, authType, key }: Credential) => ({
    provider,
    source,
    auth_type: authType,
    api_key: reveal ? key : redactKey(key),
    redacted: !reveal,
  });
  const entries = found.map(entry);
  const of = (name: string) => entries.find((each) => each.provider === name);
  const [anthropic, openai] = [of("anthropic"), of("openai")];
  const rest = entries.filter((each) => each !== anthropic && each !== openai);
  const answer = {
    ...(anthropic === undefined ? {} : { anthropic }),
    ...(openai === undefined ? {} : { openai }),
    other: Object.fromEntries(rest.map((each) => [each.provider, each])),
  };
  print(json, answer, () =>
    entries.length === 0
      ? ["No credentials were found."]
      : table(entries.map((each) => [each.provider, each.auth_type, each.api_key, each.source])),
  );
}

function extractEnv(found: Credentials, withExport: boolean, json: boolean): void {
  const names: readonly (readonly [string, Credential | undefined])[] = [
    ["ANTHROPIC_API_KEY", found.anthropic],
    ["CLAUDE_API_KEY", found.anthropic],
    ["OPENAI_API_KEY", found.openai],
    ["CODEX_API_KEY", found.openai],
  ];
  const env = Object.fromEntries(names.flatMap(([name, each]) => (each ? [[name, each.key]] : [])));
  print(json, env, () =>
    Object.entries(env).map(([name, key]) => `${withExport ? "export " : ""}${name}=${shellQuoted(key)}`),
  );
}

function shellQuoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
