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
  /** Problem of an existing file. */
  readonly problem?: string;
  /** Path where a person puts it. Never its value. */
  readonly path: string;
}

/**
 * Credentials of plugins: `credentials/plugins/{plugin}/{key}`, one file each (0600). A plugin gets only its own.
 * Files may be symbolic links; nothing is ever written through a link.
 */
export class PluginCredentials {
  readonly directory: string;
  readonly #remember: (value: string) => void;

  /** `remember` receives every value that is read, so that it is redacted from output. */
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

  /** Reads a plugin's credentials. Files that are too large or unreadable are skipped. */
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
   * `vault.unavailable` if the system refuses the write, for example on a full disk.
   */
  async write(plugin: PluginName, key: unknown, value: string): Promise<void> {
    const path = this.path(plugin, credentialKey(key));
    if (value === "" || Buffer.byteLength(value) > pluginLimits.maxCredentialBytes) {
      throw new HoldfastError(
        "plugin",
        "invalid_credential",
        `A credential must have 1 to ${pluginLimits.maxCredentialBytes} bytes`,
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

  /** Removes all credentials of a plugin. */
  async remove(plugin: PluginName): Promise<void> {
    await rm(this.folder(plugin), { recursive: true, force: true });
  }

  /** Checks that each credential of the manifest exists, is private and not empty. */
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
                ? "other users can read it: chmod 600"
                : undefined;
        return { key, required, path, present: true, ...(problem === undefined ? {} : { problem }) };
      }),
    );
  }
}

async function readBounded(path: string): Promise<string | undefined> {
  // Non-blocking: a FIFO in place of the file would block the gate.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const stat = await file.stat();
    if (!stat.isFile() || stat.size > pluginLimits.maxCredentialBytes) return undefined;
    // Editors add a newline at the end that is not part of the secret.
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
    `${path} is a link. Replace it by a regular file: credentials are not written through links`,
    {
      statusCode: 409,
    },
  );
}
