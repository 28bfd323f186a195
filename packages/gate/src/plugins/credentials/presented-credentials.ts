import type { PluginGrant } from "../plugin-grant.ts";
import type { PluginManifest } from "../runtime/api.ts";

type Credentials = Readonly<Record<string, string>>;

/** What the handler may read. A credential that the gate presents itself, at the egress, is not told to it. */
export function readableCredentials(manifest: PluginManifest, all: Credentials): Record<string, string> {
  const presented = new Set((manifest.egress ?? []).map((each) => each.credential));
  return Object.fromEntries(
    Object.entries(all).filter(
      ([key]) => !presented.has(key) && (manifest.secrets === undefined || manifest.secrets.includes(key)),
    ),
  );
}

/** What the gate presents for the plugin, as a text that is another where any of it is. */
export function presentedCredentials(
  { egress = [] }: PluginManifest,
  { git }: PluginGrant,
  all: Credentials,
): string {
  const keys = [
    ...egress.map((each) => each.credential),
    ...(git?.repositories ?? []).map((each) => each.credential),
    git?.app?.credential,
  ];
  return JSON.stringify(keys.map((key) => (key === undefined ? null : (all[key] ?? null))));
}
