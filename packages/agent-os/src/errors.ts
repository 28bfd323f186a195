import { HoldfastError } from "@holdfast/core";

/** Bad input of a caller, which changes nothing. */
export function invalid(message: string): HoldfastError {
  return new HoldfastError("agent_os", "invalid_request", message, { statusCode: 400 });
}

/** Bad options of the program. */
export function invalidConfig(message: string): HoldfastError {
  return new HoldfastError("agent_os", "invalid_config", message, { statusCode: 500 });
}

/** Nothing here has that id. */
export function notFound(what: string): HoldfastError {
  return new HoldfastError("agent_os", "not_found", `There is no ${what}`, { statusCode: 404 });
}

/** The machine ended while it was needed. */
export function machineEnded(why: string): HoldfastError {
  const message = `The machine has ended: ${why}. Its files are kept; the next call starts it again.`;
  return new HoldfastError("agent_os", "machine_ended", message, { statusCode: 503 });
}

/** The host cannot mount what a driver has. */
export function noFuse(why: string): HoldfastError {
  const message = `A driver cannot be mounted as a folder: ${why}. Mount a folder of the host with { path, hostPath }, or copy files with writeFile of the machine; those of another sandbox with its client (readFsFile, uploadFsBatch).`;
  return new HoldfastError("agent_os", "no_fuse", message, { statusCode: 501 });
}
