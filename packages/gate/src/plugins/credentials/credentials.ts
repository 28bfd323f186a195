/** Credentials and allowed connections of a plugin. */
import { constants } from "node:fs";
import { chmod, lstat, mkdir, open, readdir, rm } from "node:fs/promises";
import { HoldfastError } from "@holdfast/core";
import { writePrivateFile } from "../../vault/private-file.ts";
import { toWriteError } from "../../vault/write-errors.ts";
import {
  below,
  type CredentialKey,
  credentialKey,
  isCredentialKey,
  type PluginName,
} from "../manifest/names.ts";
import { pluginLimits } from "../plugin-limits.ts";
import type { CredentialSpec } from "../runtime/api.ts";

export interface CredentialCheck {
  readonly key: string;
  readonly required: boolean;
  readonly present: boolean;
  /** What is wrong with the file that is there. */
  readonly problem?: string;
  /** Where a person puts it. Never its value. */
  readonly path: string;
}

/**
 * Credentials of plugins: `credentials/plugins/{plugin}/{key}`, one file each (0600), of which a plugin
 * is told its own. An operator may link a file on reading; nothing is ever written through a link.
 */
export class PluginCredentials {
  readonly directory: string;
  readonly #remember: (value: string) => void;

  /** `remember` is told every value that is read, so that it is taken out of texts. */
  constructor(directory: string, remember: (value: string) => void) {
    this.directory = directory;
    this.#remember = remember;
  }

  folder(plugin: PluginName): string {
    return below(this.directory, plugin);
  }

  path(plugin: PluginName, key: CredentialKey): string {
    return below(this.folder(plugin), key);
  }

  /** What a plugin may read. A file that is too large, or unreadable, is left out. */
  async read(plugin: PluginName): Promise<Record<string, string>> {
    const values: Record<string, string> = {};
    const names = await readdir(this.folder(plugin)).catch(() => []);
    for (const key of names.sort().slice(0, pluginLimits.maxCredentials)) {
      if (!isCredentialKey(key)) continue;
      const value = await readBounded(this.path(plugin, key));
      if (value === undefined) continue;
      this.#remember(value);
      values[key] = value;
    }
    return values;
  }

  /**
   * Throws `plugin.invalid_credential_key`, `plugin.invalid_credential`, `plugin.credential_is_link`, and
   * `vault.unavailable` where the system refuses it, as on a full disk.
   */
  async write(plugin: PluginName, key: unknown, value: string): Promise<void> {
    const path = this.path(plugin, credentialKey(key));
    if (value === "" || Buffer.byteLength(value) > pluginLimits.maxCredentialBytes) {
      throw new HoldfastError(
        "plugin",
        "invalid_credential",
        `A credential has 1 to ${pluginLimits.maxCredentialBytes} bytes`,
        { statusCode: 400 },
      );
    }
    this.#remember(value);
    await this.#put(plugin, path, value).catch((error: unknown) => {
      throw toWriteError(error, "vault", "The credential");
    });
  }

  async #put(plugin: PluginName, path: string, value: string): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    for (const each of [this.directory, this.folder(plugin), path]) await refuseLink(each);
    await mkdir(this.folder(plugin), { recursive: true, mode: 0o700 });
    await chmod(this.folder(plugin), 0o700);
    await writePrivateFile(path, value);
  }

  /** Removes all of a plugin's. */
  async remove(plugin: PluginName): Promise<void> {
    await rm(this.folder(plugin), { recursive: true, force: true });
  }

  /** Whether what the manifest asks for is there, private and not empty. */
  async check(plugin: PluginName, specs: readonly CredentialSpec[]): Promise<CredentialCheck[]> {
    return Promise.all(
      specs.map(async ({ key, required }) => {
        const path = this.path(plugin, credentialKey(key));
        const stat = await lstat(path).catch(() => undefined);
        if (stat === undefined) return { key, required, path, present: false };
        const problem = stat.isSymbolicLink()
          ? "it is a link"
          : !stat.isFile()
            ? "it is not a file"
            : stat.size === 0
              ? "it is empty"
              : (stat.mode & 0o177) !== 0
                ? "others may read it: chmod 600"
                : undefined;
        return { key, required, path, present: true, ...(problem === undefined ? {} : { problem }) };
      }),
    );
  }
}

async function readBounded(path: string): Promise<string | undefined> {
  // Not blocking: a pipe in place of a file must not stop the gate.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const stat = await file.stat();
    if (!stat.isFile() || stat.size > pluginLimits.maxCredentialBytes) return undefined;
    // Editors end files with a newline that is no part of the secret.
    return (await file.readFile("utf8")).replace(/\r?\n$/, "");
  } finally {
    await file.close();
  }
}

async function refuseLink(path: string): Promise<void> {
  const stat = await lstat(path).catch(() => undefined);
  if (stat?.isSymbolicLink() !== true) return;
  throw new HoldfastError(
    "plugin",
    "credential_is_link",
    `${path} is a link; nothing is written through it`,
    {
      statusCode: 409,
    },
  );
}
