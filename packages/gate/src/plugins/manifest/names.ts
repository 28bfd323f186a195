import { lstatSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { HoldfastError } from "@holdfast/core";

declare const checked: unique symbol;

/** The folder name of a plugin, checked: it can be joined to a path. */
export type PluginName = string & { readonly [checked]: "plugin" };
/** The file name of a credential, checked. */
export type CredentialKey = string & { readonly [checked]: "credential" };

/** Names of the gate's own plugins that no folder of a user may take. */
export const reservedPluginNames: ReadonlySet<string> = new Set([
  "core",
  "hello",
  "installer",
  "memory",
  "test-input",
]);

/** Tools that the gate answers itself. */
export const reservedToolNames: ReadonlySet<string> = new Set([
  "get_diagnostics",
  "get_session_info",
  "list_tools",
]);

export const pluginNameRule = "1 to 40 of a-z, 0-9, _ and -, beginning with a letter";
export const credentialKeyRule =
  "1 to 128 of a-z, A-Z, 0-9, _, . and -, beginning with a letter, digit or _, without two dots in a row";

export function isPluginName(value: unknown): value is PluginName {
  return typeof value === "string" && /^[a-z][a-z0-9_-]{0,39}$/.test(value);
}

/** Every verb that takes the name of a plugin takes it through this. Throws `plugin.invalid_name`. */
export function pluginName(value: unknown): PluginName {
  if (isPluginName(value)) return value;
  throw new HoldfastError(
    "plugin",
    "invalid_name",
    "The name of a plugin is 1 to 40 of a-z, 0-9, _ and -, and begins with a letter",
    { statusCode: 400 },
  );
}

export function isCredentialKey(value: unknown): value is CredentialKey {
  return (
    typeof value === "string" && /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(value) && !value.includes("..")
  );
}

/** Throws `plugin.invalid_credential_key`. */
export function credentialKey(value: unknown): CredentialKey {
  if (isCredentialKey(value)) return value;
  throw new HoldfastError(
    "plugin",
    "invalid_credential_key",
    "The key of a credential is 1 to 128 of a-z, A-Z, 0-9, _, . and -, without two dots in a row",
    { statusCode: 400 },
  );
}

/** `name` directly below `base`; that it is there and no link is not said. */
export function below(base: string, name: PluginName | CredentialKey): string {
  const path = resolve(base, name);
  if (path !== join(resolve(base), name) || !path.startsWith(resolve(base) + sep)) {
    throw new HoldfastError("plugin", "invalid_name", "The name leaves its folder", { statusCode: 400 });
  }
  return path;
}

/** True when something is at `path`; a link counts as itself. */
export function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
