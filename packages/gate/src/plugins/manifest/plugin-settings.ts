import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { loadAjv } from "../../ajv.ts";
import { jailLimits } from "../../jail/jail-spec.ts";
import { readIfPresent } from "../../vault/private-file.ts";
import { checkConnections } from "../credentials/connections.ts";
import type { PluginGrant } from "../plugin-grant.ts";
import type { PluginsConfig } from "../plugins.ts";
import { isPluginName } from "./names.ts";

/** Path of the file below a data directory. */
export const pluginSettingsFile = "plugins.json";

/** What the operator writes about one plugin. Credentials are in files of their own, never here. */
interface PluginSettings
  extends Pick<PluginGrant, "connections" | "diskBytes" | "diskEntries" | "folders" | "git" | "hosts"> {
  readonly config?: Readonly<Record<string, unknown>>;
}

const texts = { type: "array", items: { type: "string" } } as const;

const settingsSchema = {
  type: "object",
  required: ["version", "plugins"],
  additionalProperties: false,
  properties: {
    version: { const: 1 },
    plugins: {
      type: "object",
      additionalProperties: {
        type: "object",
        additionalProperties: false,
        properties: {
          config: { type: "object" },
          connections: {
            type: "object",
            additionalProperties: {
              type: "object",
              required: ["host", "port"],
              additionalProperties: false,
              properties: { host: { type: "string" }, port: { type: "integer" } },
            },
          },
          diskBytes: { type: "integer", minimum: jailLimits.minDiskBytes },
          diskEntries: { type: "integer", minimum: jailLimits.minDiskEntries },
          git: {
            type: "object",
            required: ["baseUrl", "repositories"],
            additionalProperties: false,
            properties: {
              baseUrl: { type: "string", pattern: "^https?://" },
              app: {
                type: "object",
                required: ["id", "installation", "credential"],
                additionalProperties: false,
                properties: {
                  id: { type: "string", minLength: 1 },
                  installation: { type: "string", minLength: 1 },
                  credential: { type: "string", minLength: 1 },
                  api: { type: "string", pattern: "^https?://" },
                },
              },
              repositories: {
                type: "array",
                items: {
                  type: "object",
                  required: ["path"],
                  additionalProperties: false,
                  properties: {
                    path: { type: "string", minLength: 1 },
                    push: { type: "boolean" },
                    credential: { type: "string", minLength: 1 },
                    minted: { type: "boolean" },
                  },
                },
              },
            },
          },
          folders: {
            type: "object",
            additionalProperties: {
              type: "object",
              required: ["path", "mode"],
              additionalProperties: false,
              properties: { path: { type: "string", pattern: "^/" }, mode: { enum: ["ro", "rw"] } },
            },
          },
          hosts: {
            type: "array",
            items: {
              type: "object",
              required: ["host"],
              additionalProperties: false,
              properties: {
                host: { type: "string" },
                ports: { type: "array", items: { type: "integer" } },
                methods: texts,
                pathPrefix: { type: "string" },
              },
            },
          },
        },
      },
    },
  },
};

function invalid(problem: string): HoldfastError {
  return new HoldfastError("plugin", "invalid_settings", `${pluginSettingsFile}: ${problem}`, {
    statusCode: 400,
  });
}

/**
 * `config` with what `<dataDir>/plugins.json` says about single plugins, where there is one. What the
 * program gives for a plugin goes before. Throws `plugin.invalid_settings`: a setting that is not
 * understood is no setting.
 */
export async function withSettings(dataDir: string, config: PluginsConfig = {}): Promise<PluginsConfig> {
  const content = await readIfPresent(join(dataDir, pluginSettingsFile));
  if (content === undefined) return config;
  let parsed: unknown;
  try {
    parsed = JSON.parse(content.toString("utf8"));
  } catch {
    throw invalid("it is not JSON");
  }
  // Compiled here, since most installations have no such file.
  const isSettings = new (loadAjv())({ allErrors: true, strict: false }).compile<{
    version: 1;
    plugins: Record<string, PluginSettings>;
  }>(settingsSchema);
  if (!isSettings(parsed)) {
    const [first] = isSettings.errors ?? [];
    const extra = first?.params["additionalProperty"];
    throw invalid(`${first?.instancePath} ${first?.message}${extra === undefined ? "" : ` (${extra})`}`);
  }
  const grants: Record<string, PluginGrant> = {};
  const settings: Record<string, Readonly<Record<string, unknown>>> = {};
  for (const [name, { config: own, ...grant }] of Object.entries(parsed.plugins)) {
    if (!isPluginName(name)) throw invalid(`${JSON.stringify(name)} is no name of a plugin`);
    checkConnections(name, grant.connections ?? {});
    grants[name] = grant;
    if (own !== undefined) settings[name] = own;
  }
  return {
    ...config,
    grants: { ...grants, ...config.grants },
    config: { ...settings, ...config.config },
  };
}
