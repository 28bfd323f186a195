import { homedir } from "node:os";
import { noArguments, parseStrict, UsageError } from "@holdfast/cli";
import type { CredentialProvider } from "../agents/row.ts";
import { type Credential, redactKey } from "../credentials/credential.ts";
import { type Credentials, detectCredentials } from "../credentials/detect.ts";
import { print, table } from "./output.ts";

export const credentialsUsage = `holdfast sandbox credentials extract | extract-env

  extract                     lists the credentials that agents would find here, with redacted keys
    -a, --agent AGENT         only those of claude, codex, opencode or amp
    -p, --provider PROVIDER   only those of anthropic, openai, google or github
    -r, --reveal              prints complete keys
  extract-env --reveal        prints NAME=KEY lines for a shell, with complete keys
    -e, --export              prefixes each line with "export"
  -d, --home-dir DIR          searches DIR instead of HOME
      --no-oauth              skips tokens of browser logins
      --json                  machine-readable output`;

const providersByAgent: Readonly<Record<string, readonly CredentialProvider[]>> = {
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
  const agentProviders = agent === undefined ? undefined : providersByAgent[agent];
  if (agent !== undefined && agentProviders === undefined) {
    throw new UsageError(`--agent must be one of ${Object.keys(providersByAgent).join(", ")}`);
  }
  const credentials = await detectCredentials({
    home: values["home-dir"] ?? process.env["HOME"] ?? homedir(),
    env: process.env,
    oauth: values["no-oauth"] !== true,
  });
  switch (verb) {
    case "extract": {
      const selected = Object.values(credentials).filter(
        (each) =>
          (agentProviders === undefined || agentProviders.includes(each.provider)) &&
          (provider === undefined || provider === each.provider),
      );
      if (selected.length === 0 && (agent !== undefined || provider !== undefined)) {
        // As in the peer, a filter that matches nothing fails, so that scripts notice.
        process.stderr.write(`No credentials were found for ${agent ?? provider}.\n`);
        return 1;
      }
      printCredentials(selected, values.reveal === true, values.json === true);
      return 0;
    }
    case "extract-env":
      if (values.reveal !== true)
        throw new UsageError("extract-env prints complete keys: confirm with --reveal");
      printEnv(credentials, values.export === true, values.json === true);
      return 0;
    default:
      throw new UsageError(
        verb === undefined ? "extract or extract-env is missing" : `There is no "credentials ${verb}"`,
      );
  }
}

function printCredentials(credentials: readonly Credential[], reveal: boolean, json: boolean): void {
  const entry = ({ provider, source, authType, key }: Credential) => ({
    provider,
    source,
    auth_type: authType,
    api_key: reveal ? key : redactKey(key),
    redacted: !reveal,
  });
  const entries = credentials.map(entry);
  const of = (name: string) => entries.find((each) => each.provider === name);
  const [anthropic, openai] = [of("anthropic"), of("openai")];
  const rest = entries.filter((each) => each !== anthropic && each !== openai);
  const output = {
    ...(anthropic === undefined ? {} : { anthropic }),
    ...(openai === undefined ? {} : { openai }),
    other: Object.fromEntries(rest.map((each) => [each.provider, each])),
  };
  print(json, output, () =>
    entries.length === 0
      ? ["No credentials were found."]
      : table(entries.map((each) => [each.provider, each.auth_type, each.api_key, each.source])),
  );
}

function printEnv(credentials: Credentials, withExport: boolean, json: boolean): void {
  const names: readonly (readonly [string, Credential | undefined])[] = [
    ["ANTHROPIC_API_KEY", credentials.anthropic],
    ["CLAUDE_API_KEY", credentials.anthropic],
    ["OPENAI_API_KEY", credentials.openai],
    ["CODEX_API_KEY", credentials.openai],
  ];
  const env = Object.fromEntries(names.flatMap(([name, each]) => (each ? [[name, each.key]] : [])));
  print(json, env, () =>
    Object.entries(env).map(([name, key]) => `${withExport ? "export " : ""}${name}=${shellQuoted(key)}`),
  );
}

function shellQuoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
