import { HoldfastError } from "@holdfast/core";
import type { ClusterOptions } from "@holdfast/server";

type Given = Partial<ClusterOptions> | undefined;

/**
 * Options of the node, with those of the environment, which belongs to the operator and overrides the program.
 * Undefined on a single node. Throws `gateway.invalid_config`.
 */
export function clusterOptions(given: Given): ClusterOptions | undefined {
  const advertise = variable("HOLDFAST_ADVERTISE") ?? given?.advertise;
  const secret = variable("HOLDFAST_CLUSTER_SECRET") ?? given?.secret;
  const serve = variable("HOLDFAST_SERVE");
  const node = variable("HOLDFAST_NODE");
  const zone = variable("HOLDFAST_ZONE");
  const listen = variable("HOLDFAST_LISTEN");
  if (advertise === undefined && given === undefined) return undefined;
  if (advertise === undefined) throw missing("advertise", "HOLDFAST_ADVERTISE");
  if (secret === undefined) throw missing("secret", "HOLDFAST_CLUSTER_SECRET");
  return {
    ...given,
    ...{ advertise, secret },
    ...(serve === undefined ? {} : { serve: serve.split(",").map((name) => name.trim()) }),
    ...(node === undefined ? {} : { node }),
    ...(zone === undefined ? {} : { zone }),
    ...(listen === undefined ? {} : { listen }),
  };
}

function missing(option: string, name: string): HoldfastError {
  const message = `A node of a cluster needs "cluster.${option}". Set it in the options of setup, or as ${name}.`;
  return new HoldfastError("gateway", "invalid_config", message, { statusCode: 400 });
}

function variable(name: string): string | undefined {
  const value = process.env[name];
  return value === "" ? undefined : value;
}
