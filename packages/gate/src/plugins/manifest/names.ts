import { lstatSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { HoldfastError } from "@holdfast/core";

declare const checked: unique symbol;

/** Validated folder name of a plugin, safe to join to a path. */
export type PluginName = string & { readonly [checked]: "plugin" };
/** Validated file name of a credential. */
export type CredentialKey = string & { readonly [checked]: "credential" };

/** Names of the gate's own plugins, which user folders cannot use. */
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

export const pluginNameRule = "1 to 40 characters of a-z, 0-9, _ and -, beginning with a letter";
export const credentialKeyRule =
  "1 to 128 characters of a-z, A-Z, 0-9, _, . and -, beginning with a letter, digit or _, without two dots in a row";

export function isPluginName(value: unknown): value is PluginName {
  return typeof value === "string" && /^[a-z][a-z0-9_-]{0,39}$/.test(value);
}

/** Validates the name of a plugin. Throws `plugin.invalid_name`. */
export function pluginName(value: unknown): PluginName {
  if (isPluginName(value)) return value;
  throw new HoldfastError(
    "plugin",
    "invalid_name",
    "A plugin name must have 1 to 40 characters of a-z, 0-9, _ and -, and begin with a letter",
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
    "A credential key must have 1 to 128 characters of a-z, A-Z, 0-9, _, . and -, without two dots in a row",
    { statusCode: 400 },
  );
}

/** Path of `name` directly below `base`. Does not check that it exists or is not a link. */
export function below(base: string, name: PluginName | CredentialKey): string {
  const path = resolve(base, name);
  if (path !== join(resolve(base), name) || !path.startsWith(resolve(base) + sep)) {
    throw new HoldfastError("plugin", "invalid_name", "The name must not leave its folder", {
      statusCode: 400,
    });
  }
  return path;
}

/** True when something is at `path`; a link counts as itself. */
export function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
