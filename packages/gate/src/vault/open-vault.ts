import { join } from "node:path";
import { systemClock } from "@holdfast/core";
import type { VaultConfig } from "../config.ts";
import { requireDataDirectory } from "../data-directory.ts";
import { CredentialVault, vaultFiles } from "./credential-vault.ts";
import type { Vault } from "./vault.ts";

/**
 * Opens the vault without a gate, for commands that store or show credentials; a gate may be running on the same data
 * directory, and sees a stored key at its next request. Throws `gate.invalid_config`.
 */
export function openVault(dataDir: string, config: VaultConfig = {}): Vault {
  const directory = join(requireDataDirectory(dataDir, "openVault"), "vault");
  return new CredentialVault(vaultFiles(directory, systemClock), config, systemClock);
}
