import type { PluginGrant } from "../plugin-grant.ts";
import type { PluginManifest } from "../runtime/api.ts";

type Credentials = Readonly<Record<string, string>>;

/** Credentials that the handler may read. Those that the gate presents itself, at the egress, are not included. */
export function readableCredentials(manifest: PluginManifest, all: Credentials): Record<string, string> {
  const presented = new Set((manifest.egress ?? []).map((each) => each.credential));
  return Object.fromEntries(
    Object.entries(all).filter(
      ([key]) => !presented.has(key) && (manifest.secrets === undefined || manifest.secrets.includes(key)),
    ),
  );
}

/** Fingerprint of the credentials that the gate presents for the plugin; it changes when any of them does. */
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
