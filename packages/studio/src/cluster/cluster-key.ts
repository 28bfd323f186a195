import { readFile } from "node:fs/promises";
import { HoldfastError } from "@holdfast/core";
import { ClusterKeys } from "@holdfast/gate";
import type { StudioOptions } from "../studio.ts";

function noKey(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError("vault", "no_cluster_key", message, {
    statusCode: 400,
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * The keys of the cluster's vault: from the options, else from HOLDFAST_CLUSTER_KEY or the file that
 * HOLDFAST_CLUSTER_KEY_FILE names. Throws `vault.no_cluster_key`, `vault.invalid_cluster_key`.
 */
export async function clusterKeys({
  clusterKey,
  clusterKeyFile,
  environment = process.env,
}: Pick<StudioOptions, "clusterKey" | "clusterKeyFile" | "environment">): Promise<ClusterKeys> {
  if (clusterKey !== undefined) return ClusterKeys.parse(clusterKey);
  if (clusterKeyFile !== undefined) return ClusterKeys.parse(await readKeyFile(clusterKeyFile));
  const key = environment["HOLDFAST_CLUSTER_KEY"] || undefined;
  if (key !== undefined) return ClusterKeys.parse(key);
  const file = environment["HOLDFAST_CLUSTER_KEY_FILE"] || undefined;
  if (file !== undefined) return ClusterKeys.parse(await readKeyFile(file));
  throw noKey(
    "The nodes of a cluster share their secrets, sealed with a key. Set HOLDFAST_CLUSTER_KEY to the same key on all nodes, " +
      "or name a file that contains it with --cluster-key-file or HOLDFAST_CLUSTER_KEY_FILE. Make a key with: openssl rand -base64 32",
  );
}

async function readKeyFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw noKey(`The file of the cluster key cannot be read: ${path}`, cause);
  }
}
